"""A proxy before a real SCIM server that makes it speak as a provider does: its limits, its gaps, its refusals.

What each dialect does is written from the provider's documents, not from the adapter's profile of the same name.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tests.servers.fault_proxy import Answer, Exchange, FaultProxy, Request, _bytes

EQ: Final = r'{} eq "(?:[^"\\]|\\.)*"'
BY_LOGIN: Final = (EQ.format("userName"), EQ.format("externalId"))
AWS_GROUPS: Final = re.compile(r'id eq "(?P<group>[^"]*)" and members eq "(?P<user>[^"]*)"')
AWS_MEMBER: Final = re.compile(r'members\.value eq "(?P<user>[^"]*)"')


@dataclass(frozen=True)
class Dialect:
    """What a provider does differently. Sizes above `most` are refused if `strict`, else cut."""

    most: int = 1000
    strict: bool = False
    filters: tuple[str, ...] | None = None
    by_cursor_only: bool = False
    hides_members: bool = False
    group_changes: int | None = None
    filter_paths: bool = True
    user_paths: bool = True
    groups: bool = True
    disable_removes: bool = False
    delete_disables: bool = False
    short_listings: bool = False
    accept: str = ""
    patch_bytes: int | None = None
    active_as_text: bool = False
    asks_members_by_pair_only: bool = False


DIALECTS: Final[Mapping[str, Dialect]] = {
    "generic": Dialect(active_as_text=True),
    "aws-identity-center": Dialect(
        100,
        strict=True,
        filters=(*BY_LOGIN, EQ.format("displayName"), AWS_GROUPS.pattern, AWS_MEMBER.pattern),
        by_cursor_only=True,
        hides_members=True,
        group_changes=100,
        filter_paths=False,
    ),
    "github-organization": Dialect(
        100, filters=BY_LOGIN, groups=False, filter_paths=False, user_paths=False, disable_removes=True
    ),
    "github-enterprise": Dialect(100, filters=BY_LOGIN),
    "slack": Dialect(1000, strict=True, delete_disables=True),
    "atlassian": Dialect(100, filters=BY_LOGIN),
    "zoom": Dialect(short_listings=True, accept="application/scim+json"),
    "miro": Dialect(patch_bytes=500),
    "terraform": Dialect(200, filters=BY_LOGIN),
    "databricks": Dialect(100),
}


class Refused(Exception):
    """The provider does not take this request."""

    def __init__(self, status: int, detail: str, kind: str = "") -> None:
        super().__init__(detail)
        body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "detail": detail, "status": str(status)}
        self.answer = Answer(
            status, {"Content-Type": "application/scim+json"}, json.dumps(body | {"scimType": kind}).encode()
        )


@dataclass
class DialectProxy(FaultProxy):
    """The proxy. `requests` are those that came in, as they came."""

    dialect: Dialect = field(default_factory=Dialect)
    requests: list[Request] = field(default_factory=list)

    async def _exchange(self, request: Request) -> bytes:
        self.requests.append(request)
        try:
            self._refuse(request)
            answer = await self._answer(request)
        except Refused as refused:
            answer = refused.answer
        self.exchanges.append(Exchange(request.method, request.path, answer.status, None))
        return _bytes(answer)

    # ---- what is not taken

    def _refuse(self, request: Request) -> None:
        told, query = self.dialect, request.query
        if told.accept and request.headers.get("accept") != told.accept:
            raise Refused(406, f"Accept must be {told.accept}")
        if re.search(r"/(users|groups)(/|$)", request.path) or (not told.groups and "/Groups" in request.path):
            raise Refused(404, "no such endpoint")
        if told.strict and int(query.get("count", 0)) > told.most:
            raise Refused(400, f"count must be at most {told.most}", "invalidValue")
        if told.by_cursor_only:
            if request.path.endswith(("/.search", "/Me", "/Bulk")) or request.method == "PUT":
                raise Refused(404, "not supported")
            if {"startIndex", "attributes", "excludedAttributes"} & query.keys():
                raise Refused(400, "not supported", "invalidValue")
        allowed = told.filters
        if "filter" in query and allowed is not None and not any(re.fullmatch(p, query["filter"]) for p in allowed):
            raise Refused(400, "this filter is not supported", "invalidFilter")
        if request.method == "PATCH":
            self._refuse_patch(request)

    def _refuse_patch(self, request: Request) -> None:
        told, operations = self.dialect, json.loads(request.body)["Operations"]
        if told.patch_bytes is not None and "/Groups/" in request.path and len(request.body) > told.patch_bytes:
            raise Refused(413, "too large")
        for operation in operations:
            path = operation.get("path", "")
            if "[" in path and not told.filter_paths:
                raise Refused(400, "paths with filters are not supported", "invalidPath")
            if path and not told.user_paths:
                raise Refused(400, "give the values without a path", "invalidPath")
            if told.group_changes is not None and path == "members":
                if operation["op"] == "replace" or "value" not in operation:
                    raise Refused(400, "all members at once are not supported", "invalidValue")
                if len(operation["value"]) > told.group_changes:
                    raise Refused(400, f"at most {told.group_changes} changes", "tooMany")

    # ---- what is answered

    async def _answer(self, request: Request) -> Answer:
        told = self.dialect
        if "filter" in request.query and told.hides_members and request.path.endswith("/Groups"):
            found = await self._groups_asked(request)
            if found is not None:
                return found
        if request.method == "DELETE" and told.delete_disables and "/Users/" in request.path:
            return await self._forward(_patch(request, {"op": "replace", "path": "active", "value": False}), None)
        query = dict(request.query)
        if "count" in query:
            query["count"] = str(min(int(query["count"]), told.most))
        answer = await self._forward(replace(request, query=query, body=self._taken(request)), None)
        if request.method == "PATCH" and told.disable_removes and answer.status < 300:
            await self._remove_disabled(request)
        return self._spoken(request, answer)

    def _taken(self, request: Request) -> bytes:
        """The body in the form that the real server takes: it removes members by a path with a filter only."""
        if request.method != "PATCH" or self.dialect.group_changes is None:
            return request.body
        body = json.loads(request.body)
        operations: list[dict[str, object]] = []
        for one in body["Operations"]:
            if (one["op"], one.get("path")) == ("remove", "members"):
                paths = [f'members[value eq "{member["value"]}"]' for member in one["value"]]
                operations += [{"op": "remove", "path": path} for path in paths]
            else:
                operations.append(one)
        return json.dumps(body | {"Operations": operations}).encode()

    async def _remove_disabled(self, request: Request) -> None:
        read = await self._forward(replace(request, method="GET", body=b""), None)
        if json.loads(read.body).get("active") is False:
            await self._forward(replace(request, method="DELETE", body=b""), None)

    async def _groups_asked(self, request: Request) -> Answer | None:
        """What the real server cannot be asked: who is a member, of one group or of any."""
        pair, of = AWS_GROUPS.fullmatch(request.query["filter"]), AWS_MEMBER.fullmatch(request.query["filter"])
        if of is not None and self.dialect.asks_members_by_pair_only:
            raise Refused(400, "this filter is not supported", "invalidFilter")
        asked = pair or of
        if asked is None:
            return None
        plain = replace(request, query={"count": "1000"})
        groups = json.loads((await self._forward(plain, None)).body).get("Resources", [])
        hits = [g for g in groups if any(m["value"] == asked["user"] for m in g.get("members") or [])]
        if pair is not None:
            hits = [g for g in hits if g["id"] == pair["group"]]
        page = {"schemas": [], "totalResults": len(hits), "Resources": hits}
        return self._spoken(request, Answer(200, {}, json.dumps(page).encode()))

    def _spoken(self, request: Request, answer: Answer) -> Answer:
        if answer.status >= 300 or not answer.body.strip():
            return answer
        body: dict[str, Any] = json.loads(answer.body)
        for one in body.get("Resources", [body]):
            if self.dialect.hides_members and "/Groups" in request.path:
                one["members"] = []
            if self.dialect.active_as_text and "active" in one:
                one["active"] = str(one["active"])
        if self.dialect.short_listings and request.listing and request.path.endswith("/Users"):
            kept = ("schemas", "id", "userName", "active")
            body["Resources"] = [{k: v for k, v in u.items() if k in kept} for u in body.get("Resources", [])]
        if self.dialect.by_cursor_only:
            body.pop("totalResults", None)
        answer.body = json.dumps(body).encode()
        return answer


def _patch(request: Request, operation: dict[str, object]) -> Request:
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]}
    headers = {**request.headers, "content-type": "application/scim+json"}
    return replace(request, method="PATCH", body=json.dumps(body).encode(), headers=headers)


@asynccontextmanager
async def dialect_proxy(dialect: Dialect) -> AsyncIterator[DialectProxy]:
    """A proxy that speaks this dialect, on a free port."""
    proxy = DialectProxy(dialect=dialect)
    await proxy.listen()
    try:
        yield proxy
    finally:
        await proxy.close()
