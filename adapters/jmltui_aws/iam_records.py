"""Users, groups and policies of IAM as jmltui tells them.

Names, characters and lengths: the IAM API reference (CreateUser, Tag, GetAccountAuthorizationDetails).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import unquote, unquote_to_bytes

from jmltui.adapter_api import Account, AccountState, ContractBroken, Invalid

from .options import AwsOptions

GROUP: Final = "group:"
POLICY: Final = "policy:"
DISABLED: Final = "jmltui-disabled"
"""The inline policy of a disabled user: it refuses everything, by every key, password and session."""
ENDED: Final = "jmltui-sessions-ended"
"""The inline policy that refuses whatever was signed in before an instant."""
NUMBER_TAG: Final = "jmltui-number"
DISPLAY_TAG: Final = "jmltui-display"
EMAIL_TAG: Final = "jmltui-email"
KEYS_TAG: Final = "jmltui-keys"
"""The access keys that a disable made inactive, for the enable."""
LOGIN: Final = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")
LONGEST_TAG: Final = 256
_TAG_REFUSES: Final = re.compile(r"[^A-Za-z0-9 _.:/+@-]")


def is_login(login: str) -> bool:
    """Whether IAM could have a user of this name."""
    return LOGIN.fullmatch(login) is not None


def account(user: Mapping[str, Any], disabled: bool, options: AwsOptions, system: str) -> Account:
    """A user of an answer. Raises ContractBroken."""
    user_id, login = user.get("UserId"), user.get("UserName")
    if not isinstance(user_id, str) or not isinstance(login, str) or not user_id or not login:
        raise ContractBroken(f"{system} lists a user without an id or name.", system=system)
    tags = tags_of(user)
    email = tags.get(EMAIL_TAG, "")
    return Account(
        user_id,
        login,
        AccountState.DISABLED if disabled else AccountState.ACTIVE,
        (email,) if email else (),
        tags.get(NUMBER_TAG) or None,
        tags.get(DISPLAY_TAG) or login,
        options.kind_of(login),
        user.get("PasswordLastUsed"),
        raw={"arn": str(user.get("Arn") or "")},
    )


def tags_of(user: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a user, as they were before IAM's narrow set of characters."""
    found = {str(one.get("Key")): str(one.get("Value") or "") for one in user.get("Tags") or ()}
    return {name: decoded(value) if name.startswith("jmltui-") else value for name, value in found.items()}


def tag(name: str, value: str) -> dict[str, str]:
    """A tag. Raises Invalid for a value that is too long when written in IAM's characters."""
    written = encoded(value)
    if len(written) > LONGEST_TAG:
        raise Invalid(f"“{value[:60]}” is too long for a tag of IAM.")
    return {"Key": name, "Value": written}


def encoded(text: str) -> str:
    """Text in the characters that a tag may have: others, and “=”, as =XX of their UTF-8 bytes."""
    return _TAG_REFUSES.sub(lambda hit: "".join(f"={byte:02X}" for byte in hit[0].encode()), text)


def decoded(text: str) -> str:
    """The text that `encoded` wrote."""
    return unquote_to_bytes(text.replace("%", "=25").replace("=", "%")).decode("utf-8", "replace")


def names(listed: Iterable[Mapping[str, Any]], field: str = "PolicyName") -> set[str]:
    """The names of a list."""
    return {str(one.get(field)) for one in listed}


def deny(statement: Mapping[str, Any] | None = None) -> str:
    """A policy that refuses everything, under a condition if there is one."""
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*", **(statement or {})}],
        }
    )


def document(found: object) -> dict[str, Any]:
    """A policy document of an answer: decoded already, or percent-encoded JSON."""
    if isinstance(found, str):
        try:
            found = json.loads(unquote(found))
        except ValueError:
            return {}
    return found if isinstance(found, dict) else {}


def allows_everything(found: object) -> bool:
    """Whether a policy document allows all actions, or all of IAM, on all resources, whatever its conditions."""
    statements = document(found).get("Statement") or ()
    return any(_is_boundless(one) for one in ([statements] if isinstance(statements, dict) else statements))


def _is_boundless(statement: object) -> bool:
    if not isinstance(statement, dict) or statement.get("Effect") != "Allow":
        return False
    actions = _has(statement.get("Action"), {"*", "*:*", "iam:*"}) or "NotAction" in statement
    return actions and _has(statement.get("Resource"), {"*"})


def _has(found: object, wanted: set[str]) -> bool:
    values = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return any(str(one).lower() in wanted for one in values)
