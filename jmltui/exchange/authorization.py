"""How calls are authorized: what stands in the settings as a secret becomes a header, renewed where it runs out."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from jmltui.adapter_api import AuthFailed, ContractBroken, Invalid, OutcomeUnknown, Unavailable

if TYPE_CHECKING:
    from .http import HttpExchange

EARLY: Final = timedelta(seconds=60)
"""A token is renewed so long before it runs out."""
UNSAID: Final = timedelta(minutes=5)
"""How long a token is used whose server does not say."""


class Authorization(Protocol):
    """Gives the headers of a call."""

    async def headers(self, now: datetime) -> Mapping[str, str]:
        """Headers for a call made now. Raises AdapterError when none can be had."""
        ...

    def forget(self, refused: Mapping[str, str]) -> bool:
        """The server refused these headers; whether another try can differ."""
        ...


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A fixed value in a header of its own."""

    header: str
    value: str = field(repr=False)

    async def headers(self, now: datetime) -> Mapping[str, str]:
        """The header."""
        return {self.header: self.value}

    def forget(self, refused: Mapping[str, str]) -> bool:
        """A fixed value stays as it is."""
        return False


def Bearer(token: str) -> ApiKey:  # reads as the kind of authorization that it makes
    """A bearer token (RFC 6750 section 2.1)."""
    return ApiKey("Authorization", f"Bearer {token}")


def Basic(user: str, password: str) -> ApiKey:
    """User and password (RFC 7617)."""
    return ApiKey("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())


class Renewed:
    """A token that runs out; `_fetch` says what it is and how long it lasts.

    Calls at the same time share one token: some servers end the older one when they give another.
    """

    def __init__(self, header: str = "Authorization", prefix: str = "Bearer ") -> None:
        self._header, self._prefix = header, prefix
        self._token = ""
        self._until: datetime | None = None
        self._one_at_a_time = asyncio.Lock()

    async def headers(self, now: datetime) -> Mapping[str, str]:
        """The header, with a new token where the old one runs out within a minute."""
        async with self._one_at_a_time:
            if not self._token or self._until is None or now >= self._until:
                self._token, lasts = await self._fetch(now)
                self._until = now + max(lasts - EARLY, lasts / 2)
            return {self._header: self._prefix + self._token}

    def forget(self, refused: Mapping[str, str]) -> bool:
        """The next call fetches a new token, unless another call did so since these headers were given."""
        if refused.get(self._header) == self._prefix + self._token:
            self._token = ""
        return self._header in refused

    async def _fetch(self, now: datetime) -> tuple[str, timedelta]:
        raise NotImplementedError


class ClientCredentials(Renewed):
    """OAuth 2.0 client credentials (RFC 6749 section 4.4). `exchange` is with the origin of the token address.

    `extra` are further form fields (`scope`, `resource`, `account_id`); `in_body` sends the secret as form fields
    instead of HTTP Basic (RFC 6749 section 2.3.1).
    """

    def __init__(
        self,
        exchange: HttpExchange,
        path: str,
        client: str,
        secret: str,
        *,
        extra: Mapping[str, str] | None = None,
        in_body: bool = False,
        grant_type: str = "client_credentials",
    ) -> None:
        super().__init__()
        self._exchange, self._path = exchange, path
        self._form = {"grant_type": grant_type, **(extra or {})}
        self._basic = Basic(client, secret)
        if in_body:
            self._form |= {"client_id": client, "client_secret": secret}
        self._in_body = in_body

    async def _fetch(self, now: datetime) -> tuple[str, timedelta]:
        headers = {} if self._in_body else await self._basic.headers(now)
        return await token_of(self._exchange, self._path, form=self._form, headers=headers)


class TokenExchange(Renewed):
    """A token for secrets sent as JSON (RealVNC Connect's sessions, Personio). `token` and `lasts` name the fields."""

    def __init__(
        self,
        exchange: HttpExchange,
        path: str,
        secrets: Mapping[str, str],
        *,
        token: str = "token",  # noqa: S107  # the name of a field
        lasts: str = "expires_in",
        header: str = "Authorization",
        prefix: str = "Bearer ",
    ) -> None:
        super().__init__(header, prefix)
        self._exchange, self._path, self._secrets = exchange, path, dict(secrets)
        self._names = token, lasts

    async def _fetch(self, now: datetime) -> tuple[str, timedelta]:
        token, lasts = self._names
        return await token_of(self._exchange, self._path, json=self._secrets, token=token, lasts=lasts)


async def token_of(
    exchange: HttpExchange,
    path: str,
    *,
    form: Mapping[str, str] | None = None,
    json: Any = None,
    headers: Mapping[str, str] | None = None,
    token: str = "access_token",  # noqa: S107  # the name of a field
    lasts: str = "expires_in",
) -> tuple[str, timedelta]:
    """A token and how long it lasts. Raises AuthFailed where our credential is refused, Unavailable and its kin.

    Nothing is changed by asking for a token, so a lost answer is Unavailable and never OutcomeUnknown.
    """
    try:
        answer = await exchange.send("POST", path, form=form, json=json, headers=headers, is_read=True)
        found = answer.object()
    except Invalid as error:  # RFC 6749 section 5.2: a refused client may be a 400
        raise AuthFailed(error.message, system=error.system, operation=error.operation, code=error.code) from error
    except OutcomeUnknown as error:
        raise Unavailable(error.message, system=error.system, operation=error.operation) from error
    value: Any = found
    for name in token.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, str) or not value:
        raise ContractBroken(
            f"{exchange.system} gave no token in answer to {answer.operation}.", system=exchange.system
        )
    return value, _duration(found, lasts)


def _duration(found: Any, name: str) -> timedelta:
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    try:
        return timedelta(seconds=min(max(float(found or 0), 0.0), 86400.0)) or UNSAID
    except (TypeError, ValueError):
        return UNSAID
