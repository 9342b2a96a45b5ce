"""How a description's calls are authorized: read from `auth`, then made of the secrets that the settings name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from .block import Block, Names
from .calls import FORBIDDEN_HEADERS
from .template import Template

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


@dataclass(frozen=True, slots=True)
class AuthShape:
    """What `auth` says. `origin` is where a token is asked for; None: at the base address, under `path`."""

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


_VALUES: Final[Mapping[AuthKind, tuple[str, ...]]] = {
    AuthKind.BEARER: ("token",),
    AuthKind.BASIC: ("user", "password"),
    AuthKind.HEADER: ("value",),
    AuthKind.OAUTH2: ("client", "secret"),
}


def read_auth(root: Block, secrets: Names) -> AuthShape:
    """The section `auth`."""
    block = root.block("auth", required=True)
    if block is None:
        return AuthShape()
    kind = AuthKind(block.text("kind", "none", required=True, choices=list(AuthKind)))
    if kind is AuthKind.TOKEN:
        found = _token(block, secrets)
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
    given = {name: template.header(known) for name, template in shape.values.items()}
    if shape.kind is AuthKind.BEARER:
        return Bearer(given["token"])
    if shape.kind is AuthKind.BASIC:
        return Basic(given["user"], given["password"])
    if shape.kind is AuthKind.HEADER:
        return ApiKey(shape.header, given["value"])
    if token_exchange is None or shape.path is None:
        return None
    send = {name: template.write(known) for name, template in shape.send.items()}
    path = shape.path.path(values).lstrip("/")
    if shape.kind is AuthKind.OAUTH2:
        return ClientCredentials(
            token_exchange, path, given["client"], given["secret"], extra=send, in_body=shape.in_body
        )
    return TokenExchange(
        token_exchange, path, send, token=shape.token, lasts=shape.lasts, header=shape.header, prefix=shape.prefix
    )
