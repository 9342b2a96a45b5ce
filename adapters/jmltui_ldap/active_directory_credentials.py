"""What somebody can prove with, as far as Active Directory keeps it in the account: never the values themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from jmltui.adapter_api import Credential, NotFound

from .active_directory_accounts import PASSWORD, PASSWORD_SET, TO_BE_CHANGED, random_secret
from .active_directory_values import guid_of, instant, number, password_value
from .entry import Change, Entry, Op

MAPPED: Final = "altSecurityIdentities"
KEYS: Final = "msDS-KeyCredentialLink"
ATTRIBUTES: Final = ("objectGUID", PASSWORD_SET, MAPPED, KEYS)
THE_PASSWORD: Final = "password"
_SSH: Final = ("sshkey:", "ssh-", "ecdsa-", "sk-ssh-")


def credentials_of(entry: Entry) -> list[Credential]:
    """The password, keys of devices, and certificates and keys that are mapped to the account.

    A password that has to be changed before anything else counts as none: it is what a new account has, and one whose
    password was revoked.
    """
    owner, password_set = guid_of(entry.raw("objectGUID")[0]), number(entry, PASSWORD_SET)
    found = [Credential(THE_PASSWORD, owner, "password", instant(password_set))] if password_set else []
    for attribute in (MAPPED, KEYS):
        for value in entry.raw(attribute):
            found.append(Credential(_id(attribute, value), owner, _kind(attribute, value)))
    return found


def revoking(entry: Entry, credential_id: str) -> Sequence[Change]:
    """What takes a credential away; nothing when it is gone. Raises NotFound for what no id can be."""
    if credential_id == THE_PASSWORD:
        return new_password() if number(entry, PASSWORD_SET) else ()
    attribute = {MAPPED.casefold(): MAPPED, KEYS.casefold(): KEYS}.get(credential_id.partition(":")[0].casefold())
    if attribute is None:
        raise NotFound(f"“{credential_id[:80]}” is no id of a credential in Active Directory.")
    gone = tuple(value for value in entry.raw(attribute) if _id(attribute, value) == credential_id)
    return (Change(Op.DELETE, attribute, gone),) if gone else ()


def new_password() -> Sequence[Change]:
    """What makes the password a random one that nobody keeps, to be changed before anything else."""
    return (
        Change(Op.REPLACE, PASSWORD, (password_value(random_secret()),)),
        Change(Op.REPLACE, PASSWORD_SET, (TO_BE_CHANGED,)),
    )


def _id(attribute: str, value: bytes) -> str:
    return f"{attribute}:{hashlib.sha256(value).hexdigest()[:24]}"


def _kind(attribute: str, value: bytes) -> str:
    if attribute == KEYS:
        return "mfa"
    text = value.decode(errors="replace").casefold()
    return "ssh-key" if text.startswith(_SSH) else "certificate"
