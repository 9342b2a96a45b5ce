"""Reading a write back: by the account, its grants or its sessions, or by the call that the description names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jmltui.adapter_api import Account, AccountState, Cap, ContractBroken, NotFound

from .calling import Caller
from .operations import Verification
from .reading import Reading
from .template import Template, Values, text_of

Seen = tuple[bool, Mapping[str, object], str]
"""Whether it is so, what was seen, and by which call."""


async def seen_by(caller: Caller, shape: Verification, values: Values) -> Seen:
    """What a verification of the description sees. Raises NotFound where the thing itself is not there."""
    try:
        answer = await caller.call(shape.call, values)
    except NotFound as error:
        if shape.gone:
            return True, {"present": False}, error.operation
        raise
    if shape.value is None:
        return not shape.gone, {"present": True}, answer.operation
    found = shape.value.of(answer.json())
    observed = {"value": found if isinstance(found, int | float | bool) else text_of(found)[:200]}
    return _holds(caller, shape, found, values), observed, answer.operation


def _holds(caller: Caller, shape: Verification, found: Any, values: Values) -> bool:
    known = caller.values(values)
    if shape.equals is not None:
        wanted = shape.equals.write(known) if isinstance(shape.equals, Template) else shape.equals
        return text_of(found) == wanted if isinstance(wanted, str) else found == wanted
    if not isinstance(found, list):
        raise ContractBroken(
            f"{caller.system} answered {shape.call.told} without the list to look in.", system=caller.system
        )
    held = {text_of(item) for item in found}
    if shape.contains is not None:
        return shape.contains.write(known) in held
    return shape.lacks is not None and shape.lacks.write(known) not in held


def account_seen(account: Account | None) -> Mapping[str, object]:
    """What goes into evidence about an account."""
    if account is None:
        return {"present": False}
    return {"id": account.id, "login": account.login, "state": account.state.value}


def state_holds(cap: Cap, account: Account | None) -> bool | None:
    """Whether an account's state is what an operation makes of it; None where its state says nothing."""
    if cap is Cap.CREATE:
        return account is not None and account.state is not AccountState.DELETED
    if cap is Cap.DELETE:
        return account is None or account.state is AccountState.DELETED
    if cap is Cap.ENABLE:
        return account is not None and account.state is AccountState.ACTIVE
    if cap is Cap.DISABLE:
        return account is None or account.state in (AccountState.DISABLED, AccountState.DELETED)
    return None


async def grant_held(reading: Reading, account_id: str, entitlement_id: str) -> bool:
    """Whether an account holds an entitlement itself."""
    held = await reading.grants_of(account_id)
    return any(one.entitlement_id == entitlement_id and one.direct for one in held)
