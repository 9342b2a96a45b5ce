"""The connection to AWS: clients of botocore with explicit credentials, each call in a thread, errors typed.

Nothing of the environment takes part: no profile, no instance credentials, no region of the machine. botocore itself
repeats nothing; what is tried again is the engine's to decide.
"""

from __future__ import annotations

import asyncio
import importlib
import os
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from jmltui.adapter_api import Clock, ContractBroken, Unsupported

from .judgement import answered, unanswered
from .options import AwsOptions

EARLY: Final = timedelta(minutes=5)
"""Credentials of an assumed role are renewed so long before they run out."""
MOST_PAGES: Final = 10_000
SERVICES: Final = ("iam", "identitystore", "sso-admin", "sts")

_NOT_OURS: Final[Mapping[str, str | None]] = {
    "profile": None,
    "config_file": os.devnull,
    "credentials_file": os.devnull,
    "ca_bundle": None,
}
"""Variables of botocore that are not looked up, and what stands in their place."""


class AwsLink:
    """Calls to AWS. `system` is the operator's name for it, said in every error."""

    def __init__(self, system: str, options: AwsOptions, clock: Clock) -> None:
        self.system, self.clock, self.options = system, clock, options
        self._boto = self._library("boto3.session")
        self._core = self._library("botocore")
        self._exceptions = self._library("botocore.exceptions")
        self._parsers = self._library("botocore.parsers")
        self._config = self._library("botocore.config").Config(
            connect_timeout=options.seconds,
            read_timeout=options.seconds,
            retries={"total_max_attempts": 1},
            proxies={},
            ignore_configured_endpoint_urls=True,
            max_pool_connections=16,
            user_agent_appid="jmltui",
        )
        self._clients: dict[str, Any] = {}
        self._until: datetime | None = None

    def _library(self, name: str) -> Any:
        try:
            return importlib.import_module(name)
        except ImportError as error:
            told = f"{self.system} needs its extra: pip install 'jmltui[aws]' ({error.name} is missing)."
            raise Unsupported(told, system=self.system) from error

    async def close(self) -> None:
        """Let go of all connections."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            client.close()

    async def read(self, service: str, operation: str, **given: Any) -> dict[str, Any]:
        """A call that changes nothing. Raises AdapterError."""
        return await self._call(service, operation, given, is_read=True)

    async def write(self, service: str, operation: str, **given: Any) -> dict[str, Any]:
        """A call that changes something. Raises AdapterError, OutcomeUnknown when its answer was lost."""
        return await self._call(service, operation, given, is_read=False)

    async def pages(
        self, service: str, operation: str, field: str, token: str | None = None, **given: Any
    ) -> AsyncIterator[tuple[list[Any], str | None]]:
        """The pages of a listing, each with the token of the next. IAM pages by Marker, the others by NextToken."""
        name = "Marker" if service == "iam" else "NextToken"
        seen: set[str] = set()
        for _ in range(MOST_PAGES):
            answer = await self.read(service, operation, **given, **({name: token} if token else {}))
            more = answer.get("IsTruncated", False) if service == "iam" else bool(answer.get(name))
            token = str(answer.get(name) or "") if more else None
            if more and (not token or token in seen):
                raise self.broken(f"{operation} does not come to its end")
            seen.add(token or "")
            yield listed(self, answer, field, operation), token
            if token is None:
                return
        raise self.broken(f"{operation} does not come to its end")

    async def all(self, service: str, operation: str, field: str, **given: Any) -> list[Any]:
        """All items of a listing."""
        return [one async for page, _ in self.pages(service, operation, field, **given) for one in page]

    def broken(self, told: str) -> ContractBroken:
        """An answer that AWS must not give."""
        return ContractBroken(f"{self.system} broke its contract: {told}.", system=self.system)

    async def _call(self, service: str, operation: str, given: Mapping[str, Any], is_read: bool) -> dict[str, Any]:
        name = f"{service} {operation}"
        try:
            client = await self._client(service)
            found: dict[str, Any] = await asyncio.to_thread(getattr(client, self._core.xform_name(operation)), **given)
        except self._exceptions.ClientError as error:
            raise answered(error.response, self.system, name, is_read) from None
        except (self._exceptions.BotoCoreError, self._parsers.ResponseParserError) as error:
            raise unanswered(error, self.system, name, is_read) from error
        except (KeyError, TypeError, ValueError) as error:  # botocore's parsers, of what is no answer of AWS
            raise unanswered(self._parsers.ResponseParserError(str(error)), self.system, name, is_read) from error
        return found

    async def _client(self, service: str) -> Any:
        if self.options.role and (self._until is None or self.clock() >= self._until - EARLY):
            await self._assume()
        if service not in self._clients:
            options = self.options
            keys = (options.access_key_id, options.secret_access_key, options.session_token or None)
            await self._make((service,), *keys)
        return self._clients[service]

    async def _make(self, services: tuple[str, ...], key: str, secret: str, token: str | None) -> None:
        """Clients of these services with these credentials. Loading their descriptions reads files: in a thread."""

        def made() -> dict[str, Any]:
            session = self._boto.Session(key, secret, token, self.options.region, self._core_session())
            address = self.options.endpoint_url or None
            return {
                name: session.client(name, endpoint_url=address, config=self._config, use_ssl=True) for name in services
            }

        self._clients |= await asyncio.to_thread(made)

    def _core_session(self) -> Any:
        """A session of botocore that reads no file or variable of this machine."""
        values = {name: (None, None, value, None) for name, value in _NOT_OURS.items()}
        session = self._library("botocore.session").Session(session_vars=values)
        session.register_component("data_loader", _descriptions())
        return session

    async def _assume(self) -> None:
        """Take the role on; nothing is changed by asking, so a lost answer is Unavailable."""
        options = self.options
        await self._make(("sts",), options.access_key_id, options.secret_access_key, options.session_token or None)
        given = {"RoleArn": options.role, "RoleSessionName": "jmltui", "DurationSeconds": 3600}
        if options.external_id:
            given["ExternalId"] = options.external_id
        try:
            answer = await asyncio.to_thread(self._clients["sts"].assume_role, **given)
            found = answer["Credentials"]
            keys = found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]
        except self._exceptions.ClientError as error:
            raise answered(error.response, self.system, "sts AssumeRole", True) from None
        except (KeyError, TypeError):
            raise self.broken("AssumeRole gave no credentials") from None
        self._until = found["Expiration"]
        await self._make(SERVICES, *keys)


def listed(link: AwsLink, answer: Mapping[str, Any], field: str, operation: str) -> list[Any]:
    """The list of this name in an answer. Raises ContractBroken where there is none."""
    found = answer.get(field)
    if not isinstance(found, list):
        raise link.broken(f"{operation} was answered without “{field}”")
    return found


@cache
def _descriptions() -> Any:
    """Reads botocore's descriptions of the services, each once."""
    return importlib.import_module("botocore.loaders").create_loader()
