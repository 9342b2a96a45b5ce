"""What a description says of writes: one call each, and how its effect is read back by another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from jmltui.adapter_api import Cap

from .block import Block, Names
from .calls import CallShape, read_call
from .expression import Expression
from .template import Template

ACCOUNT: Final[Names] = frozenset({"account.id", "account.login", "account.*"})
WANTED: Final[Names] = frozenset(
    {"wanted.login", "wanted.display", "wanted.email", "wanted.emails", "wanted.external_id", "wanted.*", "random"}
)
ENTITLEMENT: Final[Names] = frozenset({"entitlement.id"})

OPERATIONS: Final[Mapping[str, tuple[Cap, Names]]] = {
    "create": (Cap.CREATE, WANTED),
    "update": (Cap.UPDATE, ACCOUNT | {"changes.*"}),
    "enable": (Cap.ENABLE, ACCOUNT),
    "disable": (Cap.DISABLE, ACCOUNT),
    "delete": (Cap.DELETE, ACCOUNT),
    "grant": (Cap.GRANT, ACCOUNT | ENTITLEMENT),
    "revoke": (Cap.REVOKE, ACCOUNT | ENTITLEMENT),
    "end_sessions": (Cap.END_SESSIONS, ACCOUNT | {"session.id"}),
}
"""The operations of a description, and what their templates may name."""


@dataclass(frozen=True, slots=True)
class Verification:
    """A read and what has to be found in its answer: `value` equals, contains or lacks a template's value.

    Without a value the answer's being there is the proof, or with `gone` its not being there.
    """

    call: CallShape
    value: Expression | None = None
    equals: Template | bool | int | float | None = None
    contains: Template | None = None
    lacks: Template | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One write. `verify` is its own way to be read back; None: by the account, its grants or sessions.

    `blind`: the description says that nothing proves it. `record` finds the account in the answer to a create.
    """

    cap: Cap
    call: CallShape
    verify: Verification | None = None
    blind: bool = False
    settle: timedelta = timedelta(0)
    note: str = ""
    record: Expression | None = None


def read_operations(root: Block) -> dict[Cap, Operation]:
    """The section `operations`."""
    found: dict[Cap, Operation] = {}
    outer = root.block("operations")
    if outer is None:
        return found
    for name, (cap, names) in OPERATIONS.items():
        block = outer.block(name)
        operation = _operation(block, cap, names) if block is not None else None
        if operation is not None:
            found[cap] = operation
    outer.done()
    return found


def _operation(block: Block, cap: Cap, names: Names) -> Operation | None:
    call_block = block.block("call", required=True)
    record = block.expression("record") if cap is Cap.CREATE else None
    settle = block.number("settle", 0, least=0, most=86400)
    note = block.text("note")
    node = block.get("verify")
    blind = node is not None and node.value == "none"
    verify = None if node is None or blind else _verification(Block(node, block.reading, "“verify”"), names)
    block.done()
    call = read_call(call_block, names, reads=False) if call_block is not None else None
    if call is None:
        return None
    if verify is not None and verify.call.told == call.told and call.body is None:
        block.problem_at("verify", "What is written is read back by another call than the write.")
    return Operation(cap, call, verify, blind, timedelta(seconds=settle), note, record)


def _verification(block: Block, names: Names) -> Verification | None:
    call_block = block.block("call", required=True)
    call = read_call(call_block, names - {"random"}, reads=True) if call_block is not None else None
    value, gone = block.expression("value"), block.truth("gone")
    node = block.get("equals")
    equals: Template | bool | int | float | None = None
    if node is not None:
        equals = node.value if isinstance(node.value, bool | int | float) else block.as_template(node, names)
    contains, lacks = block.template("contains", names), block.template("lacks", names)
    given = [key for key in ("equals", "contains", "lacks") if block.has(key)]
    if value is not None and len(given) != 1:
        block.problem_at("value", "A value is compared by one of “equals”, “contains” and “lacks”.")
    if value is None and given:
        block.problem_at(given[0], f"“{given[0]}” needs a “value” to compare.")
    block.done()
    return None if call is None else Verification(call, value, equals, contains, lacks, gone)
