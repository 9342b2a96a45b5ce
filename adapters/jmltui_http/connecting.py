"""The connection of a described system: its exchange, its authorization, and what is done over them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

from jmltui.adapter_api import Query, Unavailable, Untrusted
from jmltui.exchange import HttpExchange, Observed, Reach, public_only, within_reach

from .authorizing import BY_TOKEN, authorization
from .calling import Caller
from .choices import Choices
from .origin import origin_of
from .people import People
from .reading import Reading
from .verifying import Verifying
from .writing import Writing

Observe = Callable[[Observed], None]


class Connection:
    """What an open adapter works with."""

    def __init__(self, caller: Caller, tokens: HttpExchange | None, people: People | None) -> None:
        self.caller, self._tokens, self.people = caller, tokens, people
        self.reading = Reading(caller)
        self.writing, self.verifying = Writing(self.reading), Verifying(self.reading)

    @classmethod
    async def to(cls, choices: Choices, observe: Observe) -> Connection:
        """Open the secrets and make the connection. Raises SecretError, Invalid, Unavailable and Untrusted."""
        description, setup = choices.description, choices.setup
        secrets = {f"secrets.{name}": setup.secret(reference) for name, reference in choices.secrets.items()}
        values = {f"parameters.{name}": value for name, value in choices.parameters.items()}
        reach = within_reach if choices.private_network else public_only
        origin, base = description.auth.origin, choices.base
        if origin is not None:
            base = origin_of(origin, values, private_network=choices.private_network)
        exchange = _exchange(choices, choices.base, reach, observe)
        by_token = description.auth.kind in BY_TOKEN
        tokens = _exchange(choices, base, reach, observe) if by_token else None
        try:
            for one in filter(None, (exchange, tokens)):
                await resolve(one, reach)
            exchange.authorization = authorization(description.auth, secrets, values, tokens)
            caller = Caller(exchange, description, choices.parameters)
            return cls(caller, tokens, _people(choices, caller))
        except BaseException:
            for one in filter(None, (exchange, tokens)):
                await one.close()
            raise

    async def close(self) -> None:
        """Let go of all connections."""
        await self.caller.exchange.close()
        if self._tokens is not None:
            await self._tokens.close()

    async def check(self) -> None:
        """One harmless call. Raises AdapterError."""
        description = self.caller.description
        if description.check is not None:
            await self.caller.call(description.check, {"page.size": 1})
        elif description.people is not None:
            from .paging import pages

            async for _ in pages(self.caller, description.people.list, size=1):
                break
        elif description.accounts is not None and description.accounts.list is not None:
            async for _ in self.reading.accounts(Query(page_size=1)):
                break
        else:
            await self.reading.find("jmltui-check")


def _exchange(choices: Choices, base: str, reach: Reach, observe: Observe) -> HttpExchange:
    return HttpExchange(
        choices.setup.name,
        base,
        deadline=choices.description.limits.seconds,
        clock=choices.setup.clock,
        ca_file=choices.ca_file,
        max_body=choices.description.limits.max_mib * 2**20,
        reach=reach,
        observe=observe,
    )


def _people(choices: Choices, caller: Caller) -> People | None:
    shape = choices.description.people
    if shape is None:
        return None
    dates = choices.setup.options.get("dates")
    return People(
        caller,
        shape,
        columns=choices.columns,
        values=choices.map_of("values"),
        defaults=choices.map_of("defaults"),
        dates=tuple(map(str, dates)) if isinstance(dates, list | tuple) else (),
    )


async def resolve(exchange: HttpExchange, reach: Reach) -> None:
    """Refuse a host whose name means an address that must not be reached, before anything connects to it."""
    base = urlsplit(exchange.base)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(base.hostname, base.port or 443, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unavailable(f"{exchange.system} cannot be reached: {base.hostname} has no address.",
                          system=exchange.system) from error  # fmt: skip
    for *_, address in found:
        why = reach(str(address[0]))
        if why:
            raise Untrusted(
                f"{base.hostname} of {exchange.system} stands at {address[0]}, which is not connected to: {why}. "
                "If it is a system of your own network, write private_network = true.",
                system=exchange.system,
            )
