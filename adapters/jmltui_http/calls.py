"""What one call of a description is: method, path, query, headers, body, and which answers are good."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from .block import Block, Names
from .expression import Expression
from .template import Body, Template
from .yaml_nodes import Node

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
FORBIDDEN_HEADERS: Final = frozenset(
    {"authorization", "host", "content-length", "transfer-encoding", "connection", "accept-encoding", "cookie"}
)
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


@dataclass(frozen=True, slots=True)
class Expired:
    """By which answer a system says that it does not accept a token any more: no statuses means any."""

    statuses: frozenset[int]
    when: Expression | None


@dataclass(frozen=True, slots=True)
class CallShape:
    """One call. `reads`: it changes nothing, so a lost answer leaves nothing open.

    `ok` are further statuses that are good, `already` those by which the system says that it was so before, `pending`
    those by which it says that it will be done. `expect` must be true of a good answer.
    """

    method: str
    path: Template
    query: Mapping[str, Template] = field(default_factory=dict)
    headers: Mapping[str, Template] = field(default_factory=dict)
    body: Body | None = None
    form: Mapping[str, Template] = field(default_factory=dict)
    reads: bool = True
    ok: frozenset[int] = frozenset()
    already: frozenset[int] = frozenset()
    pending: frozenset[int] = frozenset()
    missing: frozenset[int] = frozenset()
    expect: Expression | None = None
    expired: Expired | None = None

    @property
    def told(self) -> str:
        """The call as it is described, values not filled in."""
        return f"{self.method} {self.path.text}"


def read_call(block: Block, names: Names, *, reads: bool) -> CallShape | None:
    """The call that a mapping describes; None, with problems noted, where it is none. `reads`: it has to be a read."""
    default = "GET" if reads else "POST"
    method = block.text("method", default, choices=METHODS)
    path = block.template("path", names, required=True)
    if path is not None:
        node = block.get("path")
        assert node is not None
        _check_path(block, node, path.text)
    headers = read_headers(block, names)
    body, form = block.body("body", names), block.templates("form", names)
    if body is not None and form:
        block.problem_at("form", "A call has a body or a form, not both.")
    if method == "GET" and (body is not None or form):
        block.problem_at("body" if body is not None else "form", "A GET has no body.", "Write: method: POST")
    if reads and method not in ("GET", "POST"):
        block.problem_at("method", f"A {method} is no read.", "Reads are GET, or POST with a query as its body.")
    found = CallShape(
        method=method,
        path=path or Template("/", ("/",)),
        query=block.templates("query", names),
        headers=headers,
        body=body,
        form=form,
        reads=reads,
        ok=block.statuses("ok"),
        already=block.statuses("already"),
        pending=block.statuses("pending"),
        missing=block.statuses("missing"),
        expect=block.expression("expect"),
    )
    block.done()
    return found if path is not None else None


def read_headers(block: Block, names: Names) -> Mapping[str, Template]:
    """The headers of a mapping. None of them carries a credential or belongs to the exchange itself."""
    found = block.templates("headers", names)
    for name in found:
        if name.lower() in FORBIDDEN_HEADERS or not _HEADER.fullmatch(name):
            block.problem_at("headers", f"The header “{name}” is not yours to set.", "Credentials stand in “auth”.")
    return found


def _check_path(block: Block, node: Node, text: str) -> None:
    if not text.startswith("/") or "//" in text:
        block.problem(node, "A path begins with one / and stays under the base address.")
    if {".", ".."} & set(text.split("/")):
        block.problem(node, "A path has no . and .. in it.")
    if re.search(r"[?#\\\s]", re.sub(r"\{[^{}]*\}", "", text)):
        block.problem(node, "A path has no query, fragment, backslash or space in it.", "Parameters stand in “query”.")
