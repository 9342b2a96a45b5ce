"""People, teams and credentials of GitHub as jmltui tells them, and what its refusals mean.

Fields: GitHub REST API reference, “Organization members”, “Teams”, “Organizations” (SAML SSO authorizations). Limits:
“Rate limits for the REST API” (403 or 429; `retry-after`, else `x-ratelimit-reset` where `x-ratelimit-remaining` is 0,
else at least a minute). `X-GitHub-SSO`: “Authenticating to the REST API”.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, Final

from jmltui.adapter_api import (
    Account,
    AccountState,
    AdapterError,
    ContractBroken,
    Credential,
    Entitlement,
    Forbidden,
    RateLimited,
)
from jmltui.exchange import Answer, instant, retry_after, sentence, standard_judgement

TEAM: Final = "team:"
OWNER: Final = "role:admin"
INVITATION: Final = "invitation:"
OUTSIDE: Final = "outside collaborator"
LOGIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
"""Login names of GitHub; those of managed users end in an underscore and the enterprise's short code."""
STATES: Final[Mapping[str, AccountState]] = {
    "active": AccountState.ACTIVE,
    "pending": AccountState.INVITED,
    OUTSIDE: AccountState.ACTIVE,
}
UNSAID_WAIT: Final = timedelta(minutes=1)
TOLD: Final = 200


@dataclass(frozen=True, slots=True)
class Team:
    """A team. `parent` is the slug of the team that it is in; `managed` where its enterprise says who is in it."""

    id: int
    slug: str
    name: str
    parent: str | None
    managed: bool


def user_of(row: object, system: str) -> tuple[str, str]:
    """The id and login of a user. Raises ContractBroken."""
    user_id = row.get("id") if isinstance(row, dict) else None
    login = row.get("login") if isinstance(row, dict) else None
    if isinstance(user_id, bool) or not isinstance(user_id, int) or not isinstance(login, str) or not login:
        raise ContractBroken(f"{system} tells of a user without an id or login.", system=system)
    return str(user_id), login


def account(row: Mapping[str, Any], membership: str, role: str, system: str) -> Account:
    """A user as an account; `membership` is active, pending or outside collaborator. Raises ContractBroken."""
    user_id, login = user_of(row, system)
    email = row.get("email")
    return Account(
        user_id,
        login,
        STATES.get(membership, AccountState.UNKNOWN),
        (email,) if isinstance(email, str) and email else (),
        display=str(row.get("name") or login)[:TOLD],
        raw={"membership": membership, "role": role},
    )


def invitation(row: Mapping[str, Any], system: str) -> Account:
    """An invitation of an address, which belongs to no user of GitHub yet. Raises ContractBroken."""
    address = row.get("email") or row.get("login")
    if not row.get("id") or not isinstance(address, str):
        raise ContractBroken(f"{system} tells of an invitation of nobody.", system=system)
    emails = (address,) if "@" in address else ()
    raw = {"membership": "pending", "role": str(row.get("role") or "")}
    return Account(f"{INVITATION}{row['id']}", address, AccountState.INVITED, emails, display=address, raw=raw)


def team(row: object, system: str) -> Team:
    """A team of an answer. Raises ContractBroken."""
    found = row if isinstance(row, dict) else {}
    team_id, slug, parent = found.get("id"), found.get("slug"), found.get("parent")
    if not isinstance(team_id, int) or not isinstance(slug, str) or not slug:
        raise ContractBroken(f"{system} tells of a team without an id or short name.", system=system)
    above = parent.get("slug") if isinstance(parent, dict) else None
    managed = found.get("type") == "enterprise"
    return Team(team_id, slug, str(found.get("name") or slug)[:TOLD], str(above) if above else None, managed)


def entitlement(found: Team, groups: Sequence[str], privileged: Sequence[str]) -> Entitlement:
    """A team as an entitlement; `groups` are those of an identity provider that say who is in it."""
    is_strong = any(fnmatchcase(found.slug, pattern) for pattern in privileged)
    return Entitlement(f"{TEAM}{found.slug}", "group", found.name, is_strong, not groups and not found.managed)


def credential(row: object, account_id: str, now: datetime, system: str) -> Credential:
    """A credential that was authorized for single sign-on. Raises ContractBroken."""
    if not isinstance(row, dict) or not row.get("credential_id"):
        raise ContractBroken(f"{system} lists a credential without an id.", system=system)
    kind = "ssh-key" if "ssh" in str(row.get("credential_type") or "").casefold() else "token"
    ends = instant(row.get("authorized_credential_expires_at"))
    created, used = instant(row.get("credential_authorized_at")), instant(row.get("credential_accessed_at"))
    return Credential(str(row["credential_id"]), account_id, kind, created, used, ends is None or ends > now)


def judged(answer: Answer, is_read: bool, now: datetime) -> AdapterError | None:
    """The error of an answer. A 403 may be a limit, and a 200 may leave out what needs single sign-on."""
    facts = {"system": answer.system, "operation": answer.operation, "code": str(answer.status)}
    sign_on = answer.headers.get("x-github-sso", "")
    if answer.status == 200 and sign_on.startswith("partial-results"):
        return ContractBroken(f"{answer.system} left out of {answer.operation} what needs single sign-on.", **facts)
    error = standard_judgement(answer, is_read, now)
    if answer.status not in (403, 429):
        return error
    told = sentence(answer)
    text = f"{answer.system} answered {answer.status} to {answer.operation}{': ' + told if told else ''}."
    if "retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0":
        return RateLimited(text, retry_after=retry_after(answer.headers, now) or UNSAID_WAIT, **facts)
    if answer.status == 429 or "rate limit" in told.casefold():
        return RateLimited(text, retry_after=UNSAID_WAIT, **facts)
    if sign_on.startswith("required"):
        text = f"The token of {answer.system} is not authorized for the organization's single sign-on; authorize it."
        return Forbidden(text, **facts)
    return error
