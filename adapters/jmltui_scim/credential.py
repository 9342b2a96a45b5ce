"""How calls are authorized: by a bearer token of the settings, or by OAuth tokens that last a while (RFC 6749 4.4).

What a provider has its own way of is data of its profile: where tokens are given, the grant type, what it asks for
beside it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from jmltui.adapter_api import AuthFailed, Forbidden, Invalid, NotFound, Setup, Unsupported
from jmltui.exchange import Authorization, Bearer, ClientCredentials, HttpExchange

from .profiles import BASIC, BODY, Profile


class Tokens(ClientCredentials):
    """Tokens for client id and secret; a refusal says what to look at."""

    def __init__(
        self, exchange: HttpExchange, path: str, client: str, secret: str, form: Mapping[str, str], in_body: bool
    ) -> None:
        super().__init__(exchange, path, client, secret, extra=form, in_body=in_body)
        self._system, self._secret = exchange.system, secret
        self._address = exchange.address(path)
        self._looked_at = ", ".join(["`client_id`", "`client_secret`", *(f"`{n}`" for n in form if n != "grant_type")])

    async def _fetch(self, now: datetime) -> tuple[str, timedelta]:
        try:
            return await super()._fetch(now)
        except (AuthFailed, Forbidden) as error:
            told = error.message.replace(self._secret, "…")
            text = f"{told} Check {self._looked_at} of the settings, and that the app they belong to is active there."
            raise AuthFailed(text, system=error.system, operation=error.operation, code=error.code) from None
        except (NotFound, Unsupported) as error:
            text = f"The token_url of {self._system}, {self._address}, gives no tokens ({error.code})."
            raise Invalid(text, system=error.system, operation=error.operation, code=error.code) from error


def credential(setup: Setup, profile: Profile, deadline: float) -> tuple[Authorization, HttpExchange | None]:
    """What authorizes calls, and the connection that tokens come by, if they do. Raises Invalid and SecretError."""
    options, system = setup.options, setup.name
    by_client = [name for name in ("client_id", "client_secret") if options.get(name)]
    if options.get("token"):
        if by_client:
            raise Invalid(f"{system} names two credentials: `token`, and `{by_client[0]}`.", system=system)
        return Bearer(setup.secret(str(options["token"]))), None
    address = str(options.get("token_url") or profile.token_url)
    lacking = [name for name in ("client_id", "client_secret") if name not in by_client]
    lacking += [] if address else ["token_url"]
    if lacking:
        either = "" if by_client else "`token`, or "
        raise Invalid(f"{system} lacks {either}{' and '.join(f'`{name}`' for name in lacking)}.", system=system)
    form = _form(setup, profile)
    exchange, path = _exchange(setup, address, deadline)
    secret = setup.secret(str(options["client_secret"]))
    in_body = str(options.get("client_auth") or BASIC) == BODY
    return Tokens(exchange, path, str(options["client_id"]), secret, form, in_body=in_body), exchange


def _form(setup: Setup, profile: Profile) -> dict[str, str]:
    """What is asked for beside the credential. Raises Invalid for what this provider cannot do without."""
    given, scope = setup.options.get("token_parameters"), str(setup.options.get("scope") or profile.scope)
    further = {str(name): str(value) for name, value in given.items()} if isinstance(given, Mapping) else {}
    for name in profile.token_parameters:
        if not further.get(name):
            raise Invalid(
                f'{setup.name} needs token_parameters = {{ {name} = "…" }} for its tokens.', system=setup.name
            )
    return {"grant_type": profile.grant_type, **({"scope": scope} if scope else {}), **further}


def _exchange(setup: Setup, address: str, deadline: float) -> tuple[HttpExchange, str]:
    """The connection to where tokens are given, and the path there. Raises Invalid for one that tells the secret."""
    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_this_machine(parts.hostname or "")):
        raise Invalid(
            f"The token_url of {setup.name} must begin with https://: it is told a secret.", system=setup.name
        )
    if parts.query or parts.fragment or parts.username is not None:
        raise Invalid(
            f"The token_url of {setup.name} is an address alone; what follows “?” are token_parameters.",
            system=setup.name,
        )
    ca_file = str(setup.options["ca_file"]) if setup.options.get("ca_file") else None
    base = f"{parts.scheme}://{parts.netloc}"
    return HttpExchange(setup.name, base, deadline=deadline, clock=setup.clock, ca_file=ca_file), parts.path or "/"


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
