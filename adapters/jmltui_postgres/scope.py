"""What the settings let jmltui see and touch: which roles are accounts, which may be granted, which are privileged."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final

from jmltui.adapter_api import Forbidden, Setup

from .roles import PRIVILEGED_ATTRIBUTES, Role

PRIVILEGED_ROLES: Final = frozenset(
    {
        "pg_execute_server_program",
        "pg_read_server_files",
        "pg_write_server_files",
        "pg_read_all_data",
        "pg_write_all_data",
        "pg_maintain",
        "pg_signal_backend",
        "pg_create_subscription",
        "pg_checkpoint",
    }
)
"""PostgreSQL's own roles that reach beyond a role's own data (documentation, "Predefined Roles")."""


class Scope:
    """The patterns of the settings (`*` and `?`, letter case counts) on roles."""

    def __init__(self, setup: Setup, own: str) -> None:
        def patterns(name: str, *default: str) -> tuple[str, ...]:
            given = setup.options.get(name)
            return tuple(given) if isinstance(given, Sequence) and not isinstance(given, str) else default

        self._system = setup.name
        self._own = own
        self._include, self._exclude = patterns("include", "*"), patterns("exclude")
        self._superusers, self._services = patterns("superusers"), patterns("services")
        self._grantable, self._privileged = patterns("grantable"), patterns("privileged")

    def why_not(self, role: Role) -> str:
        """Why a role is no account that jmltui sees, as the end of a sentence; empty when it is one."""
        if role.predefined:
            return "is one of PostgreSQL's own roles"
        if not role.is_account:
            return "is a role that nobody signs in as"
        if "superuser" in role.attributes and not _matches(role.name, self._superusers):
            return "is a superuser, and `superusers` of the settings does not list it"
        return self.why_not_called(role.name)

    def why_not_called(self, name: str) -> str:
        """Why an account of this name would not be seen, as the end of a sentence; empty when it would."""
        if not _matches(name, self._include) or _matches(name, self._exclude):
            return "is kept out by `include` or `exclude` of the settings"
        return ""

    def holds(self, role: Role) -> bool:
        """Whether a role is an account that jmltui sees."""
        return not self.why_not(role)

    def to_touch(self, role: Role, what: str) -> Role:
        """The role, if it is an account that may be changed. Raises Forbidden: also for the one jmltui signs in as."""
        why = self.why_not(role) or ("is the role that jmltui itself signs in as" if role.name == self._own else "")
        if why:
            raise Forbidden(f"{role.name} of {self._system} {why}; it does not {what}.", system=self._system)
        return role

    def kind(self, role: Role) -> str:
        """What kind of account it is."""
        return "service" if role.name == self._own or _matches(role.name, self._services) else "person"

    def is_own(self, role: Role) -> bool:
        """Whether jmltui itself signs in as this role."""
        return role.name == self._own

    def is_grantable(self, role: Role) -> bool:
        """Whether jmltui may make anybody a member: of no account, and of PostgreSQL's own roles where listed."""
        if role.predefined:
            return role.name != "pg_database_owner" and _matches(role.name, self._grantable)
        return not role.is_account

    def is_privileged(self, role: Role) -> bool:
        """Whether the role itself, whatever it is a member of, is a privilege."""
        return (
            bool(role.attributes & PRIVILEGED_ATTRIBUTES)
            or role.name in PRIVILEGED_ROLES
            or _matches(role.name, self._privileged)
        )


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
