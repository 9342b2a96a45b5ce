"""Reading and changing a cluster: users, roles, locks.

`users ls --format=json`, `users rm`, `users update --set-roles`, `get roles`, `get locks`, `lock --user`, `rm lock/ID`:
goteleport.com/docs/reference/cli/tctl, github.com/gravitational/teleport (tool/tctl/common, rfd). Fields of a user:
goteleport.com/docs/reference/infrastructure-as-code/teleport-resources/user; of a lock: …/operator-resources, LockV2.
A lock refuses new requests and ends open sessions: goteleport.com/docs/identity-governance/locking.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from jmltui.adapter_api import (
    Account,
    AccountState,
    Clock,
    Conflict,
    ContractBroken,
    Invalid,
    NotFound,
    Outcome,
    Receipt,
)
from jmltui.exchange import instant

from .program import Program

ROLE: Final = "role:"
MESSAGE: Final = "Locked by jmltui."
SAFE: Final = re.compile(r"[A-Za-z0-9_.@:+][A-Za-z0-9_.@:+ =/-]*")
"""Names that can be an argument: `users rm` and `--set-roles` divide at commas, and a hyphen first would be a flag."""
LOCK_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
POWERFUL: Final = frozenset({"*", "role", "user", "lock", "auth_connector", "saml", "oidc", "github", "token"})
"""Kinds of resources; who may write one of these can give access."""
WRITING: Final = frozenset({"*", "create", "update"})


@dataclass(frozen=True, slots=True)
class User:
    """One user. `sso`: comes by single sign-on, and returns with the next sign-in."""

    name: str
    roles: tuple[str, ...]
    sso: bool
    bot: bool
    expires: datetime | None
    revision: str


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock in force on exactly one user."""

    id: str
    user: str
    ours: bool


class Cluster:
    """One cluster."""

    def __init__(self, program: Program, clock: Clock) -> None:
        self._program = program
        self._clock = clock
        self.system = program.system

    async def users(self) -> list[User]:
        """All users, each once. Raises ContractBroken."""
        rows = await self._program.listed("users", "ls", "--format=json")
        found = {user.name: user for user in (self._user(row) for row in rows)}
        return list(found.values())

    async def user(self, name: str) -> User:
        """One user, by the listing: what it lacks is not there. Raises NotFound."""
        found = {one.name: one for one in await self.users()}.get(name)
        if found is None:
            raise NotFound(f"{self.system} has no user {name[:80]}.", system=self.system)
        return found

    async def roles(self) -> dict[str, bool]:
        """All roles, and whether each is privileged: it may change who has access."""
        rows = await self._program.listed("get", "roles", "--format=json")
        return {_name(row, self.system): _is_powerful(row) for row in rows}

    async def locks(self) -> list[Lock]:
        """Locks in force that aim at one user and nothing else."""
        found = []
        for row in await self._program.listed("get", "locks", "--format=json"):
            spec = row.get("spec")
            target = spec.get("target") if isinstance(spec, dict) else None
            if not isinstance(spec, dict) or not isinstance(target, dict):
                raise ContractBroken(f"{self.system} lists a lock without a target.", system=self.system)
            aims = {name: value for name, value in target.items() if value}
            until = instant(spec.get("expires"))
            over = until is not None and until.year > 1 and until <= self._clock()
            if set(aims) == {"user"} and not over:
                ours = spec.get("message") == MESSAGE and not (until is not None and until.year > 1)
                found.append(Lock(_name(row, self.system), str(aims["user"]), ours))
        return found

    async def locks_on(self, name: str) -> list[Lock]:
        """Locks in force on one user."""
        return [one for one in await self.locks() if one.user == name]

    async def lock(self, name: str) -> Receipt:
        """Make the user locked out: new requests are refused and open sessions end."""
        user, locks = await self.user(name), await self.locks_on(name)
        if any(one.ours for one in locks):
            return Receipt(Outcome.ALREADY, before=seen(user, locks), after=seen(user, locks))
        await self._program.write("lock", f"--user={name}", f"--message={MESSAGE}")
        return Receipt(Outcome.CHANGED, before=seen(user, locks))

    async def unlock(self, name: str) -> Receipt:
        """Remove our locks. Raises Conflict where somebody else's lock stays."""
        user, locks = await self.user(name), await self.locks_on(name)
        if not locks:
            return Receipt(Outcome.ALREADY, before=seen(user, locks), after=seen(user, locks))
        for one in locks:
            if one.ours and LOCK_ID.fullmatch(one.id):
                await self._program.write("rm", f"lock/{one.id}")
        if not all(one.ours for one in locks):
            raise Conflict(
                f"{name[:80]} of {self.system} has a lock of somebody else; whoever set it has to remove it.",
                system=self.system,
            )
        return Receipt(Outcome.CHANGED, before=seen(user, locks), after=seen(user, []))

    async def delete(self, name: str) -> Receipt:
        """Make the user not exist; locks on the name stay."""
        try:
            user = await self.user(name)
        except NotFound:
            return Receipt(Outcome.ALREADY, after={"present": False})
        await self._program.write("users", "rm", self._argument(name))
        return Receipt(Outcome.CHANGED, before=seen(user, []), after={"present": False})

    async def set_role(self, name: str, entitlement_id: str, held: bool) -> Receipt:
        """Make the user hold the role, or not: the list of roles is replaced, and read again for what came between."""
        user, role = await self.user(name), entitlement_id.removeprefix(ROLE)
        if not entitlement_id.startswith(ROLE) or (held and role not in await self.roles()):
            raise NotFound(f"{self.system} has no role {role[:80]}.", system=self.system)
        if (role in user.roles) is held:
            return Receipt(Outcome.ALREADY, before=seen(user, []), after=seen(user, []))
        if user.sso:
            raise Conflict(
                f"{name[:80]} of {self.system} comes by single sign-on; roles follow from the identity provider.",
                system=self.system,
            )
        wanted = [*user.roles, role] if held else [one for one in user.roles if one != role]
        if not wanted:
            raise Invalid(f"{role[:80]} is the last role of {name[:80]}; lock or remove the user.", system=self.system)
        listed = ",".join(self._argument(one) for one in wanted)
        await self._program.write("users", "update", self._argument(name), f"--set-roles={listed}")
        return Receipt(Outcome.CHANGED, before=seen(user, []), after={"roles": wanted})

    def _argument(self, text: str) -> str:
        if not SAFE.fullmatch(text):
            raise Invalid(f"“{text[:80]}” cannot be handed to tctl; do this by hand.", system=self.system)
        return text

    def _user(self, row: Mapping[str, Any]) -> User:
        spec = row.get("spec")
        roles = spec.get("roles") if isinstance(spec, dict) else None
        if not isinstance(spec, dict) or not isinstance(roles or [], list):
            raise ContractBroken(f"{self.system} lists a user without a spec.", system=self.system)
        made_by = spec.get("created_by")
        connector = made_by.get("connector") if isinstance(made_by, dict) else None
        metadata = row["metadata"] if isinstance(row.get("metadata"), dict) else {}
        labels = metadata.get("labels")
        until = instant(spec.get("expires") or metadata.get("expires"))
        return User(
            _name(row, self.system),
            tuple(map(str, roles or [])),
            bool(connector),
            isinstance(labels, dict) and "teleport.internal/bot" in labels,
            until if until is not None and until.year > 1 else None,
            str(metadata.get("revision") or ""),
        )


def account(user: User, locked: bool) -> Account:
    """A user as an account; its name is its id."""
    return Account(
        user.name,
        user.name,
        AccountState.DISABLED if locked else AccountState.ACTIVE,
        (user.name,) if "@" in user.name else (),
        kind="service" if user.bot else "person",
        expires=user.expires,
        version=user.revision or None,
        raw={"sso": user.sso},
    )


def seen(user: User, locks: list[Lock]) -> dict[str, object]:
    """What goes into evidence about a user."""
    return {"user": user.name, "roles": list(user.roles), "locks": [one.id for one in locks]}


def _name(row: Mapping[str, Any], system: str) -> str:
    metadata = row.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(name, str) or not name:
        raise ContractBroken(f"{system} lists a resource without a name.", system=system)
    return name


def _is_powerful(row: Mapping[str, Any]) -> bool:
    """Whether a role may write what decides access; one that cannot be read for it counts as such."""
    try:
        rules = row["spec"]["allow"].get("rules") or []
        return any(POWERFUL & set(rule["resources"]) and WRITING & set(rule["verbs"]) for rule in rules)
    except (KeyError, TypeError, AttributeError):
        return True
