"""One connection during one call: searches that are whole, writes that are answered, and typed errors for the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from jmltui.adapter_api import AdapterError, ContractBroken, Forbidden, Invalid, OutcomeUnknown, Unavailable

from .entry import Change, Control, Entry
from .filters import EVERYTHING, equals, none_of
from .judgement import NO_SUCH_OBJECT, Refusal, judged, short
from .ranges import is_in_parts, whole
from .wire import (
    ALIASES_FOLLOWED,
    ALIASES_LEFT,
    CONTROLS,
    ENTRY,
    INTERMEDIATE,
    OPERATIONS,
    REFERENCE,
    SCOPES,
    Lost,
    Nonsense,
    Refused,
    Unspeakable,
    Wire,
    controls_of,
)

T = TypeVar("T")

PAGED: Final = "1.2.840.113556.1.4.319"
LARGEST_LISTING: Final = 5_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one search. `references` are the URLs that it sends us to; `controls` by OID, as ldap3 decodes
    them (bytes where it knows nothing of them). `marks` are the controls of each entry, where any has some; `between`
    are the OIDs and values of intermediate responses (RFC 4511, section 4.13).
    """

    entries: Sequence[Entry]
    references: Sequence[str] = ()
    controls: Mapping[str, object] = field(default_factory=dict)
    marks: Sequence[Mapping[str, bytes]] = ()
    between: Sequence[tuple[str, bytes]] = ()


class Link:
    """One connection during one call."""

    def __init__(self, wire: Wire, system: str, operation: str, refusal: Refusal | None) -> None:
        self._wire = wire
        self.system = system
        self._operation = operation
        self._refusal = refusal
        self.reusable = True

    # ---- reading

    async def read(
        self, dn: str, attributes: Sequence[str], which: str = EVERYTHING, controls: Sequence[Control] = ()
    ) -> Entry | None:
        """One entry by its name, if it is there and meets the filter. Raises AdapterError."""
        try:
            answer = await self.exchange(dn, which, attributes, scope="base", controls=controls)
        except AdapterError as error:
            if error.code == str(NO_SUCH_OBJECT):
                return None
            raise
        if answer.references or len(answer.entries) > 1:
            raise ContractBroken(f"{self.system} answers for one entry with others.", system=self.system)
        return answer.entries[0] if answer.entries else None

    async def search(
        self,
        base: str,
        which: str,
        attributes: Sequence[str],
        *,
        scope: str = "subtree",
        size: int = 500,
        over_references: bool = False,
        controls: Sequence[Control] = (),
    ) -> list[Entry]:
        """Everything that meets a filter, page by page to the end. Raises as `pages` does."""
        found: list[Entry] = []
        async for page in self.pages(
            base, which, attributes, scope=scope, size=size, over_references=over_references, controls=controls
        ):
            found += page
        return found

    async def pages(
        self,
        base: str,
        which: str,
        attributes: Sequence[str],
        *,
        scope: str = "subtree",
        size: int = 500,
        over_references: bool = False,
        controls: Sequence[Control] = (),
    ) -> AsyncIterator[list[Entry]]:
        """Everything that meets a filter. Raises ContractBroken when the server breaks off or sends us elsewhere."""
        cookie: bytes | None = None
        seen = 0
        self.reusable = False
        while True:
            answer = await self.exchange(base, which, attributes, scope=scope, controls=controls, paged=(size, cookie))
            if answer.references and not over_references:
                raise ContractBroken(
                    f"{self.system} keeps a part of {base} on another server, so that the listing is not whole.",
                    system=self.system,
                    operation=self._operation,
                )
            next_cookie = _cookie(answer.controls)
            if next_cookie and next_cookie == cookie and not answer.entries:
                raise ContractBroken(f"{self.system} pages without end.", system=self.system)
            seen += len(answer.entries)
            if seen > LARGEST_LISTING:
                raise ContractBroken(f"{self.system} lists more than {LARGEST_LISTING:,} entries.", system=self.system)
            cookie = next_cookie
            if not cookie:
                self.reusable = True
            yield list(answer.entries)
            if not cookie:
                return

    async def holds(self, dn: str, attribute: str, value: str | bytes) -> bool:
        """Whether an entry holds a value, asked twice: by a filter and by its opposite, of which one has to fit.

        A filter that is not applied fits both, an attribute that may not be seen neither. The compare operation would
        be made for this, but OpenLDAP's dynlist overlay answers it wrongly for groups that list their members. Raises
        ContractBroken and Forbidden; False without the entry.
        """
        wanted = equals(attribute, value)
        there = await self.read(dn, (), wanted) is not None
        not_there = await self.read(dn, (), none_of(wanted)) is not None
        if there and not_there:
            raise ContractBroken(f"{self.system} does not apply the filters of searches.", system=self.system)
        if not there and not not_there and await self.read(dn, ()) is not None:
            raise Forbidden(f"{self.system} does not show the {attribute} of {dn[:200]} to jmltui.", system=self.system)
        return there

    async def exchange(
        self,
        base: str,
        which: str,
        attributes: Sequence[str],
        *,
        scope: str = "subtree",
        controls: Sequence[Control] = (),
        paged: tuple[int, bytes | None] | None = None,
    ) -> Answer:
        """One search and its whole answer. Raises ContractBroken at a size limit."""
        answer = await self._asked(base, which, attributes, scope, controls, paged)
        if not any(map(is_in_parts, answer.entries)):
            return answer
        return replace(answer, entries=[await whole(self, entry) for entry in answer.entries])

    async def changes(
        self, base: str, attributes: Sequence[str], controls: Sequence[Control], *, scope: str = "subtree"
    ) -> Answer:
        """What controls tell of the entries under a base, in one exchange. Raises as `exchange` does.

        Aliases are left as they are: OpenLDAP calls content synchronization that follows them a protocol error.
        """
        return await self._asked(base, EVERYTHING, attributes, scope, controls, None, ALIASES_LEFT)

    async def one_part(self, dn: str, attribute: str) -> Entry | None:
        """An entry with one part of one attribute, as `member;range=1500-*`."""
        answer = await self._asked(dn, EVERYTHING, [attribute], "base", (), None)
        return answer.entries[0] if len(answer.entries) == 1 else None

    async def _asked(
        self,
        base: str,
        which: str,
        attributes: Sequence[str],
        scope: str,
        controls: Sequence[Control],
        paged: tuple[int, bytes | None] | None,
        aliases: str = ALIASES_FOLLOWED,
    ) -> Answer:
        def call() -> Answer:
            connection = self._wire.connection
            connection.search(
                base,
                which,
                SCOPES[scope],
                aliases,
                attributes=list(attributes) or ["1.1"],
                controls=controls_of(controls),
                paged_size=paged[0] if paged else None,
                paged_cookie=paged[1] if paged else None,
            )
            return _answer(connection)

        answer: Answer = await self._do(call, writing=False)
        return answer

    # ---- writing

    async def modify(
        self,
        dn: str,
        changes: Sequence[Change],
        *,
        tolerated: frozenset[int] = frozenset(),
        controls: Sequence[Control] = (),
    ) -> int:
        """Change an entry. Returns the result code: 0, or one of those tolerated. Raises AdapterError."""
        wanted: dict[str, list[tuple[str, list[str | bytes]]]] = {}
        for change in changes:
            wanted.setdefault(change.attribute, []).append((OPERATIONS[change.op], list(change.values)))
        return await self._write(
            lambda: self._wire.connection.modify(dn, wanted, controls=controls_of(controls)), tolerated
        )

    async def add(
        self, dn: str, attributes: Mapping[str, Sequence[str | bytes]], *, controls: Sequence[Control] = ()
    ) -> None:
        """Add an entry. Raises Conflict when there is one of this name."""
        wanted = {name: list(values) for name, values in attributes.items() if values}
        await self._write(lambda: self._wire.connection.add(dn, None, wanted, controls=controls_of(controls)))

    async def delete(self, dn: str, *, controls: Sequence[Control] = ()) -> None:
        """Delete an entry. Raises NotFound when it is not there."""
        await self._write(lambda: self._wire.connection.delete(dn, controls=controls_of(controls)))

    async def rename(
        self, dn: str, relative_name: str, parent: str | None = None, *, controls: Sequence[Control] = ()
    ) -> None:
        """Give an entry another relative name, or another place as well."""
        await self._write(
            lambda: self._wire.connection.modify_dn(
                dn, relative_name, delete_old_dn=True, new_superior=parent, controls=controls_of(controls)
            )
        )

    async def set_password(self, dn: str, secret: str) -> None:
        """The password modify operation (RFC 3062): the server keeps the password by its own rules, never as it is."""
        await self._write(lambda: self._wire.connection.extend.standard.modify_password(dn, new_password=secret))

    async def _write(self, call: Callable[[], object], tolerated: frozenset[int] = frozenset()) -> int:
        def checked() -> int:
            call()
            result = self._wire.connection.result
            if result["result"] != 0:
                raise Refused(int(result["result"]), str(result.get("message") or ""), {})
            return 0

        code: int = await self._do(checked, writing=True, tolerated=tolerated)
        return code

    async def _do(self, call: Callable[[], T], *, writing: bool, tolerated: frozenset[int] = frozenset()) -> Any:
        facts = {"system": self.system, "operation": self._operation}
        try:
            return await self._wire.do(call)
        except Refused as error:
            if error.code in tolerated:
                return error.code
            raise judged(error.code, error.said, self.system, self._operation, self._refusal) from error
        except Unspeakable as error:
            raise Invalid(f"{self.system}: {self._operation} cannot be asked: {short(str(error))}.", **facts) from error
        except (Lost, Nonsense) as error:
            self.reusable = False
            raise lost(error, self.system, self._operation, writing=writing) from error


def lost(error: Lost | Nonsense, system: str, operation: str, *, writing: bool) -> AdapterError:
    """The error of an answer that did not come, or that was none."""
    facts = {"system": system, "operation": operation}
    sent = isinstance(error, Nonsense) or error.sent
    if writing and sent:
        return OutcomeUnknown(
            f"{system}: {operation} was sent and no answer came that can be understood; it may have been done.", **facts
        )
    if isinstance(error, Nonsense):
        return ContractBroken(f"What answers in the place of {system} is no directory.", **facts)
    if error.late:
        return Unavailable(f"{system} does not answer ({operation}).", **facts)
    return Unavailable(f"{system} cannot be reached ({operation}): {short(str(error))}.", **facts)


def _answer(connection: Any) -> Answer:
    """What ldap3 holds after a search. Raises Refused for a result code that ldap3 let pass."""
    result = connection.result
    if result["result"] != 0:
        raise Refused(int(result["result"]), str(result.get("message") or ""), {})
    entries: list[Entry] = []
    references: list[str] = []
    marks: dict[int, Mapping[str, bytes]] = {}
    between: list[tuple[str, bytes]] = []
    for item in connection.response:
        if item["type"] == ENTRY:
            if CONTROLS in item:
                marks[len(entries)] = item[CONTROLS]
            entries.append(item[ENTRY])
        elif item["type"] == INTERMEDIATE:
            between.append((str(item.get("responseName") or ""), bytes(item.get("responseValue") or b"")))
        elif item["type"] == REFERENCE:
            references += item["uri"]
    told = {oid: one.get("value") for oid, one in (result.get("controls") or {}).items()}
    each = [marks.get(at, {}) for at in range(len(entries))] if marks else []
    return Answer(entries, references, told, each, between)


def _cookie(controls: Mapping[str, object]) -> bytes | None:
    told = controls.get(PAGED)
    found = told.get("cookie") if isinstance(told, Mapping) else None
    return found if isinstance(found, bytes) and found else None
