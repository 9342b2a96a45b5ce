"""A proxy before a real SCIM server that takes no PATCH: by refusing it, by saying so, or both."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from tests.servers.fault_proxy import Answer, Exchange, Fault, FaultProxy, Request, _bytes

Before = Callable[[Request], Awaitable[None]]


@dataclass
class PutOnly(FaultProxy):
    """The proxy. `status` is its answer to PATCH; `says_so`: its ServiceProviderConfig says that it takes none.

    `versions`: whether it tells any. `before` is called before each request goes through. `hides` are members that no
    group shows, and `belonging` the groups that a user's own record names. `loses` is an attribute that it forgets of
    what is written whole.
    """

    status: int = 501
    says_so: bool = False
    versions: bool = True
    before: Before | None = None
    hides: frozenset[str] = frozenset()
    belonging: dict[str, str] = field(default_factory=dict)
    loses: str = ""
    patches: list[str] = field(default_factory=list)

    async def _exchange(self, request: Request) -> bytes:
        if request.method == "PATCH":
            self.patches.append(request.path)
            self.exchanges.append(Exchange(request.method, request.path, None, None))
            return _bytes(Answer(self.status, {}, b""))
        if self.before is not None:
            await self.before(request)
        return await super()._exchange(request)

    async def _forward(self, request: Request, fault: Fault | None) -> Answer:
        if request.method == "PUT" and self.loses:
            body = {name: value for name, value in json.loads(request.body).items() if name != self.loses}
            request = replace(request, body=json.dumps(body).encode())
        answer = await super()._forward(request, fault)
        if answer.status == 200 and answer.body.strip():
            self._spoken(request, answer)
        return answer

    def _spoken(self, request: Request, answer: Answer) -> None:
        body: dict[str, Any] = json.loads(answer.body)
        if request.path.endswith("/ServiceProviderConfig"):
            body["patch"], body["etag"] = {"supported": not self.says_so}, {"supported": self.versions}
        for one in body.get("Resources", [body]):
            if not self.versions:
                one.get("meta", {}).pop("version", None)
            if self.hides and re.search(r"/Groups(/|$)", request.path):
                one["members"] = [m for m in one.get("members") or [] if m["value"] not in self.hides]
            if one.get("id") in self.belonging:
                one["groups"] = [{"value": self.belonging[one["id"]], "type": "direct"}]
        if not self.versions:
            answer.headers = {name: value for name, value in answer.headers.items() if name.lower() != "etag"}
        answer.body = json.dumps(body).encode()


@asynccontextmanager
async def put_only(
    url: str, *, status: int = 501, says_so: bool = False, versions: bool = True
) -> AsyncIterator[PutOnly]:
    """A proxy before this address, on a free port."""
    proxy = PutOnly(url, status=status, says_so=says_so, versions=versions)
    await proxy.listen()
    try:
        yield proxy
    finally:
        await proxy.close()
