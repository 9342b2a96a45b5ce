"""A service account that acts as an administrator: a signed assertion becomes an access token.

The assertion (RFC 7523; RS256, `iss`, `sub`, `scope`, `aud`, at most an hour) and its exchange at
oauth2.googleapis.com: developers.google.com/identity/protocols/oauth2/service-account. The key file is what the Cloud
console gives out.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from jmltui.adapter_api import AuthFailed, Forbidden, Invalid
from jmltui.exchange import HttpExchange, Renewed, token_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

AUDIENCE: Final = "https://oauth2.googleapis.com/token"
GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LASTS: Final = timedelta(minutes=30)
SCOPES: Final = (
    "https://www.googleapis.com/auth/admin.directory.user",
    "https://www.googleapis.com/auth/admin.directory.user.security",
    "https://www.googleapis.com/auth/admin.directory.group",
)
DYNAMIC_SCOPE: Final = "https://www.googleapis.com/auth/cloud-identity.groups.readonly"
LICENCE_SCOPE: Final = "https://www.googleapis.com/auth/apps.licensing"
TRANSFER_SCOPE: Final = "https://www.googleapis.com/auth/admin.datatransfer"
MOBILE_SCOPE: Final = "https://www.googleapis.com/auth/admin.directory.device.mobile.action"
CHROME_SCOPE: Final = "https://www.googleapis.com/auth/admin.directory.device.chromeos"
ROLE_SCOPE: Final = "https://www.googleapis.com/auth/admin.directory.rolemanagement"


@dataclass(frozen=True, slots=True)
class KeyFile:
    """What a key file holds: the account, the id of its key and the key."""

    account: str
    key_id: str
    key: RSAPrivateKey = field(repr=False)


class ServiceAccount(Renewed):
    """Access tokens of one service account, acting as `subject`."""

    def __init__(self, exchange: HttpExchange, key_file: KeyFile, subject: str, scopes: tuple[str, ...]) -> None:
        super().__init__()
        self._exchange, self._subject, self._scopes = exchange, subject, " ".join(scopes)
        self._file = key_file

    async def _fetch(self, now: datetime) -> tuple[str, timedelta]:
        issued = int(now.timestamp())
        claims = {
            "iss": self._file.account,
            "sub": self._subject,
            "scope": self._scopes,
            "aud": AUDIENCE,
            "iat": issued,
            "exp": issued + int(LASTS.total_seconds()),
        }
        form = {"grant_type": GRANT, "assertion": self._signed(claims)}
        return await token_of(self._exchange, "/token", form=form)

    def _signed(self, claims: dict[str, Any]) -> str:
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        header = {"alg": "RS256", "typ": "JWT", "kid": self._file.key_id}
        text = f"{_encoded(json.dumps(header).encode())}.{_encoded(json.dumps(claims).encode())}"
        return f"{text}.{_encoded(self._file.key.sign(text.encode(), PKCS1v15(), SHA256()))}"


class Delegated(ServiceAccount):
    """Access tokens for one more thing, which may not be delegated: that is Forbidden, and no failed credential."""

    def __init__(
        self,
        exchange: HttpExchange,
        key_file: KeyFile,
        subject: str,
        scopes: tuple[str, ...],
        what: str,
        otherwise: str,
    ) -> None:
        super().__init__(exchange, key_file, subject, scopes)
        self._names = ", ".join(scope.rpartition("/")[2] for scope in scopes)
        self._what, self._otherwise = what, otherwise

    async def _fetch(self, now: datetime) -> tuple[str, timedelta]:
        try:
            return await super()._fetch(now)
        except AuthFailed as error:
            raise Forbidden(
                f"{self._exchange.system} does not let jmltui {self._what}: delegate {self._names} to the service "
                f"account in the Admin console, or {self._otherwise}.",
                system=error.system,
                operation=error.operation,
                code=error.code,
            ) from error


def read_key_file(text: str, system: str) -> KeyFile:
    """The key file as the Cloud console gives it out. Raises Invalid for none; no part of it is ever told."""
    try:
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        raise Invalid(f"{system} needs its extra: pip install 'jmltui[google]'.", system=system) from None
    wrong = Invalid(f"The service account of {system} is not the JSON key file that Google gives out.", system=system)
    try:
        found = json.loads(text)
        account, key_id = found["client_email"], found["private_key_id"]
        key = load_pem_private_key(found["private_key"].encode(), None)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise wrong from None
    if not isinstance(key, RSAPrivateKey) or not isinstance(account, str) or not isinstance(key_id, str):
        raise wrong
    return KeyFile(account, key_id, key)


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
