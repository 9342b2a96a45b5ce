"""Listing resources without trusting the server's paging."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

import msgspec

from jmltui.adapter_api import ContractBroken, Forbidden, Invalid, NotFound, Unsupported

if TYPE_CHECKING:
    from .transport import Transport


class Email(msgspec.Struct, gc=False):
    """One entry of `emails`."""

    value: str | None = None


class Meta(msgspec.Struct, gc=False):
    """`meta`, of which only the version counts."""

    version: str | None = None


class Membership(msgspec.Struct, gc=False):
    """One entry of a User's `groups`."""

    value: str | None = None


class User(msgspec.Struct, gc=False):
    """What a listing reads of a User (RFC 7643 section 4.1). `active` may come as text from some servers.

    Structs made from JSON cannot refer to each other in a circle, so the garbage collector need not look at them.
    """

    id: str
    userName: str = ""
    active: bool | str | None = None
    externalId: str | None = None
    displayName: str | None = None
    emails: list[Email] | None = None
    meta: Meta | None = None


class WholeUser(User, gc=False):
    """What is read of a single User. A listing leaves the groups out: they are many, and the groups tell them."""

    groups: list[Membership] | None = None


class Member(msgspec.Struct, gc=False):
    """One entry of a Group's `members`."""

    value: str | None = None
    display: str | None = None
    type: str | None = None


class Group(msgspec.Struct, gc=False):
    """What is read of a Group (RFC 7643 section 4.2)."""

    id: str
    displayName: str = ""
    members: list[Member] | None = None
    meta: Meta | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A resource of which everything is kept."""

    id: str
    body: Mapping[str, Any]


Resource = TypeVar("Resource", User, Group, Record)


Listed = TypeVar("Listed")


class ListResponse(msgspec.Struct, Generic[Listed]):
    """RFC 7644 section 3.4.2; `nextCursor` of RFC 9865."""

    totalResults: int = 0
    Resources: list[Listed] | None = None
    nextCursor: str | None = None


class Decodes(Protocol[Resource]):
    """Makes the resources of a listing out of the body of an answer. Raises msgspec.DecodeError."""

    def decode(self, buf: bytes, /) -> ListResponse[Resource]:
        """The resources."""
        ...


class _Records:
    def decode(self, buf: bytes, /) -> ListResponse[Record]:
        found = _RAW.decode(buf)
        records = []
        for body in found.Resources or []:
            if not isinstance(body.get("id"), str):
                raise msgspec.ValidationError("a resource has no id")
            records.append(Record(body["id"], body))
        return ListResponse(found.totalResults, records, found.nextCursor)


_RAW = msgspec.json.Decoder(ListResponse[dict[str, Any]])
USERS: Decodes[User] = msgspec.json.Decoder(ListResponse[User])
GROUPS: Decodes[Group] = msgspec.json.Decoder(ListResponse[Group])
RECORDS: Decodes[Record] = _Records()


SEARCH_REQUEST: Final = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
SLACK: Final = 10_000
"""How many more than twice the announced total may be listed: a directory may grow meanwhile, not without end."""


async def pages(
    transport: Transport,
    path: str,
    decoder: Decodes[Resource],
    *,
    count: int,
    by_cursor: bool,
    attributes: str = "",
    filter_text: str = "",
) -> AsyncIterator[list[Resource]]:
    """Every resource once. Raises ContractBroken when the listing ends short of what the server says there is.

    By cursor (RFC 9865) it goes on while there is a next one. By index it goes on past that number, until nothing new
    comes: a count that is too small must leave nobody out.
    """
    seen: set[str] = set()
    cursor: str | None = ""
    cursors: set[str] = set()
    total = 0
    plain = False
    while True:
        params = {"attributes": attributes} if attributes else {}
        if filter_text:
            params["filter"] = filter_text
        if by_cursor:
            params |= {"cursor": cursor or "", "count": str(count)}
        elif not plain:
            params |= {"startIndex": str(len(seen) + 1), "count": str(count)}
        try:
            answer = await _page(transport, path, params, decoder)
        except (ContractBroken, Invalid, NotFound) as error:
            if seen and not by_cursor and len(seen) >= total and error.code:
                # Past what it announced, this server answers with an error.
                break
            if plain or seen or by_cursor or isinstance(error, NotFound):
                raise
            plain = True
            continue
        fresh = [item for item in answer.Resources or [] if item.id not in seen]
        seen.update(item.id for item in fresh)
        total = max(total, answer.totalResults)
        if total and len(seen) > 2 * total + SLACK:
            raise ContractBroken(
                f"{transport.system} says that {path} holds {total}, and goes on listing after {len(seen)}; "
                "the listing is not used.",
                system=transport.system,
            )
        if fresh:
            yield fresh
        cursor = answer.nextCursor
        if by_cursor and cursor is not None:
            # A page may be empty and another one follow; the same again, without a total, would look like an end.
            if cursor in cursors or (answer.Resources and not fresh):
                raise ContractBroken(
                    f"{transport.system} lists the same of {path} again and again; the listing is not used.",
                    system=transport.system,
                )
            cursors.add(cursor)
        elif plain or by_cursor or not fresh:
            break
    if len(seen) < total:
        raise ContractBroken(
            f"{transport.system} says that {path} holds {total}, but listed only {len(seen)}; the listing is not used.",
            system=transport.system,
        )


async def matching(transport: Transport, path: str, decoder: Decodes[Resource], filter_text: str) -> list[Resource]:
    """What the server answers to a filter. The caller must compare every hit: some servers ignore filters."""
    answer = await _page(transport, path, {"filter": filter_text}, decoder)
    return answer.Resources or []


async def _page(
    transport: Transport,
    path: str,
    params: dict[str, str],
    decoder: Decodes[Resource],
) -> ListResponse[Resource]:
    body = await list_body(transport, path, params)
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        what = "a web page" if body.lstrip()[:1] == b"<" else f"something that is no SCIM list ({str(error)[:120]})"
        raise ContractBroken(f"{transport.system} answered {path} with {what}.", system=transport.system) from None


async def list_body(transport: Transport, path: str, params: dict[str, str]) -> bytes:
    """By GET; by POST to `.search` (RFC 7644 section 3.4.3) where the server offers no listing by GET."""
    if not transport.lists_by_post:
        try:
            return await transport.read(path, params)
        except Unsupported as refusal:
            try:
                body = await transport.search(f"{path}/.search", search_request(params))
            except (ContractBroken, Forbidden, Invalid, NotFound, Unsupported):
                raise refusal from None
            transport.lists_by_post = True
            return body
    return await transport.search(f"{path}/.search", search_request(params))


def search_request(params: dict[str, str]) -> dict[str, Any]:
    """The query parameters of a listing as the body of a search."""
    request: dict[str, Any] = {"schemas": [SEARCH_REQUEST], **params}
    for name in {"startIndex", "count"} & params.keys():
        request[name] = int(params[name])
    if "attributes" in params:
        request["attributes"] = params["attributes"].split(",")
    return request
