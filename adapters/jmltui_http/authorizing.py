"""How a description's calls are authorized: read from `auth`, then made of the secrets that the settings name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from jmltui.domain.nearest import did_you_mean

from .block import Block, Names
from .calls import FORBIDDEN_HEADERS
from .template import Absent, Template, Values

if TYPE_CHECKING:
    from jmltui.exchange import Authorization, HttpExchange


class AuthKind(StrEnum):
    """The kinds of authorization."""

    NONE = "none"
    BEARER = "bearer"
    BASIC = "basic"
    HEADER = "header"
    OAUTH2 = "oauth2"
    TOKEN = "token"
    SAML = "saml"


BY_TOKEN: Final = frozenset({AuthKind.OAUTH2, AuthKind.TOKEN, AuthKind.SAML})
"""Kinds that ask for a token first."""


@dataclass(frozen=True, slots=True)
class AuthShape:
    """What `auth` says. `origin` is where a token is asked for; None: at the base address, under `path`.

    An assertion is good for `minutes`. Where there are several `ways`, the parameter `choice` says which is gone.
    """

    kind: AuthKind = AuthKind.NONE
    values: Mapping[str, Template] = field(default_factory=dict)
    send: Mapping[str, Template] = field(default_factory=dict)
    origin: Template | None = None
    path: Template | None = None
    in_body: bool = False
    token: str = ""
    lasts: str = "expires_in"
    header: str = "Authorization"
    prefix: str = "Bearer "
    attributes: Mapping[str, Template] = field(default_factory=dict)
    minutes: int = 10
    authn: bool = False
    url_safe: bool = True
    choice: str = ""
    ways: Mapping[str, AuthShape] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """What its templates name: `secrets.…` and `parameters.…`."""
        told = [*self.values.values(), *self.send.values(), *self.attributes.values()]
        told += [one for one in (self.origin, self.path) if one is not None]
        return frozenset(slot.name for template in told for slot in template.slots if not slot.optional)


_VALUES: Final[Mapping[AuthKind, tuple[str, ...]]] = {
    AuthKind.BEARER: ("token",),
    AuthKind.BASIC: ("user", "password"),
    AuthKind.HEADER: ("value",),
    AuthKind.OAUTH2: ("client", "secret"),
    AuthKind.SAML: ("key", "issuer", "subject", "audience"),
}


def read_auth(root: Block, secrets: Names, parameters: Iterable[str]) -> AuthShape:
    """The section `auth`: one way, or several of which a parameter of the description chooses."""
    block = root.block("auth", required=True)
    if block is None:
        return AuthShape()
    if not block.has("ways"):
        return _way(block, secrets)
    choice = block.text("choice", required=True)
    if choice and choice not in parameters:
        hint = did_you_mean(choice, parameters)
        block.problem_at("choice", f"“{choice}” is no parameter of the description.", hint)
    ways = {name: _way(one, secrets) for name, one in block.blocks("ways")}
    block.done()
    return AuthShape(choice=choice, ways=ways)


def _way(block: Block, secrets: Names) -> AuthShape:
    kind = AuthKind(block.text("kind", "none", required=True, choices=list(AuthKind)))
    if kind is AuthKind.TOKEN:
        found = _token(block, secrets)
    elif kind is AuthKind.SAML:
        found = _saml(block, secrets)
    elif kind is AuthKind.OAUTH2:
        origin, path = _where(block)
        found = AuthShape(kind, _values(block, kind, secrets), block.templates("send", secrets), origin, path,
                          block.truth("in_body"))  # fmt: skip
    else:
        header = block.text("header", required=True) if kind is AuthKind.HEADER else "Authorization"
        if header.casefold() in FORBIDDEN_HEADERS - {"authorization"}:
            block.problem_at("header", f"The header “{header}” cannot carry a credential.")
        found = AuthShape(kind, _values(block, kind, secrets), header=header)
    block.done()
    return found


def _values(block: Block, kind: AuthKind, secrets: Names) -> dict[str, Template]:
    found = {name: block.template(name, secrets, required=True) for name in _VALUES.get(kind, ())}
    return {name: template for name, template in found.items() if template is not None}


def _token(block: Block, secrets: Names) -> AuthShape:
    origin, path = _where(block)
    send = block.templates("send", secrets)
    if not send:
        block.problem_at("send", f"{block.title} lacks “send”, the secrets to send for a token.")
    return AuthShape(
        AuthKind.TOKEN,
        send=send,
        origin=origin,
        path=path,
        token=block.text("token", required=True),
        lasts=block.text("lasts", "expires_in"),
        header=block.text("header", "Authorization"),
        prefix=block.text("prefix", "Bearer "),
    )


def _saml(block: Block, secrets: Names) -> AuthShape:
    origin, path = _where(block)
    values = _values(block, AuthKind.SAML, secrets)
    recipient = block.template("recipient", frozenset())
    return AuthShape(
        AuthKind.SAML,
        {**values, **({"recipient": recipient} if recipient is not None else {})},
        block.templates("send", secrets),
        origin,
        path,
        attributes=block.templates("attributes", frozenset()),
        minutes=block.integer("minutes", 10, least=1, most=60),
        authn=block.truth("authn_statement"),
        url_safe=block.truth("base64url", default=True),
    )


def _where(block: Block) -> tuple[Template | None, Template | None]:
    origin = block.template("origin", frozenset())
    path = block.template("path", frozenset(), required=True)
    if path is not None and (not path.text.startswith("/") or "//" in path.text or ".." in path.text.split("/")):
        block.problem_at("path", "A path begins with one / and stays under the base address.")
    return origin, path


def authorization(
    shape: AuthShape, secrets: Mapping[str, str], values: Mapping[str, str], token_exchange: HttpExchange | None
) -> Authorization | None:
    """What gives the headers of every call. `secrets` are opened ones, by their dotted names. Raises Invalid."""
    from jmltui.exchange import ApiKey, Basic, Bearer, ClientCredentials, TokenExchange

    known = {**values, **secrets}
    if shape.kind is AuthKind.SAML and token_exchange is not None and shape.path is not None:
        return _by_assertion(shape, known, token_exchange, shape.path.path(values))
    given = {name: template.header(known) for name, template in shape.values.items()}
    if shape.kind is AuthKind.BEARER:
        return Bearer(given["token"])
    if shape.kind is AuthKind.BASIC:
        return Basic(given["user"], given["password"])
    if shape.kind is AuthKind.HEADER:
        return ApiKey(shape.header, given["value"])
    if token_exchange is None or shape.path is None:
        return None
    send = _sent(shape, known)
    path = shape.path.path(values).lstrip("/")
    if shape.kind is AuthKind.OAUTH2:
        return ClientCredentials(
            token_exchange, path, given["client"], given["secret"], extra=send, in_body=shape.in_body
        )
    return TokenExchange(
        token_exchange, path, send, token=shape.token, lasts=shape.lasts, header=shape.header, prefix=shape.prefix
    )


def _by_assertion(shape: AuthShape, known: Values, token_exchange: HttpExchange, path: str) -> Authorization:
    from .saml import SamlBearer, Statement

    given = {name: template.write(known) for name, template in shape.values.items()}
    statement = Statement(
        given["issuer"],
        given["subject"],
        given["audience"],
        given.get("recipient") or token_exchange.base.rstrip("/") + path,
        {name: template.write(known) for name, template in shape.attributes.items()},
        timedelta(minutes=shape.minutes),
        shape.authn,
    )
    return SamlBearer(
        token_exchange, path.lstrip("/"), given["key"], statement, extra=_sent(shape, known), url_safe=shape.url_safe
    )


def _sent(shape: AuthShape, known: Values) -> dict[str, str]:
    found = {}
    for name, template in shape.send.items():
        try:
            found[name] = template.write(known)
        except Absent:
            continue
    return found
