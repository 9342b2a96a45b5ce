"""What every use case works with: cache, settings, policy, clock, actor and the opened adapters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, cast

from jmltui import plugins
from jmltui.adapter_api import Adapter
from jmltui.cache.engine import Cache, open_cache
from jmltui.config import settings as settings_file
from jmltui.config.places import Places
from jmltui.config.settings import Settings
from jmltui.errors import PolicyError, SecretError, SettingsError
from jmltui.policy import Policy
from jmltui.policy import load as load_policy

from .kept_policy import kept, read
from .rate import Rate

NOT_TO_BE_HAD: Final = (plugins.PluginError, SecretError, SettingsError)
"""Why one adapter cannot be built; the others can."""


class AdapterPool:
    """The adapters of this process, each built once and opened when first asked for."""

    def __init__(
        self,
        settings: Settings,
        secret: Callable[[str], str],
        clock: Callable[[], datetime],
        rates: Mapping[str, Rate] | None = None,
    ) -> None:
        limited = {name: block.rate_per_second for name, block in settings.systems.items() if block.rate_per_second}
        self.rates = rates if rates is not None else {name: Rate(rate) for name, rate in limited.items()}
        """The limits of this process, by system; systems without one are not here."""
        self._settings = settings
        self._secret = secret
        self._clock = clock
        self._built: dict[str, Adapter] = {}
        self._open: set[str] = set()

    def another(self) -> AdapterPool:
        """A pool of the same settings and limits with connections of its own."""
        return AdapterPool(self._settings, self._secret, self._clock, self.rates)

    def built(self, name: str) -> Adapter:
        """The adapter of a system, not opened. Raises PluginError and SettingsError."""
        if name not in self._built:
            block = self._settings.systems.get(name) or self._settings.sources[name]
            made = plugins.build(block, self._settings.folder, self._secret, self._clock)
            self._built[name] = cast("Adapter", made)
        return self._built[name]

    async def get(self, name: str) -> Adapter:
        """The opened adapter. Raises AdapterError."""
        adapter = self.built(name)
        if name not in self._open:
            await adapter.open()
            self._open.add(name)
        return adapter

    async def forget(self, name: str) -> None:
        """Close one adapter, so that the next call connects anew."""
        adapter = self._built.pop(name, None)
        if adapter is not None and name in self._open:
            self._open.discard(name)
            # What was read or written is settled, and a connection that cannot be let go of ends with the process.
            with suppress(Exception):
                await adapter.close()

    async def close(self) -> None:
        """Close all."""
        for name in list(self._built):
            await self.forget(name)


@dataclass
class Workshop:
    """One process's tools. `actor` is who asks. `broken` is what is wrong with the policy folder, where the policy in
    force stays in force because of it.
    """

    cache: Cache
    settings: Settings
    policy: Policy
    clock: Callable[[], datetime]
    actor: str
    adapters: AdapterPool
    broken: PolicyError | None = None

    @property
    def zone(self) -> str:
        """The zone of people who have none: the policy's where it states one, else the company's."""
        return self.policy.zone

    async def close(self) -> None:
        """Close adapters and cache."""
        await self.adapters.close()
        self.cache.close()


def cache_url(places: Places, settings: Settings) -> str:
    """Where the cache is: what settings name, else the state folder's file."""
    if settings.cache_url:
        return settings.cache_url
    places.ensure_state()
    return str(places.cache_file)


def open_workshop(places: Places, actor: str, clock: Callable[[], datetime], environ: Mapping[str, str]) -> Workshop:
    """Load settings and policy and open the cache. Raises SettingsError, PolicyError, CacheError.

    A policy folder with mistakes changes nothing: what a worker took over last stays in force.
    """
    from jmltui.config import secrets

    settings = settings_file.load(places.settings_file)
    opener = secrets.opener(environ, base=settings.folder)
    broken: PolicyError | None = None
    try:
        policy = load_policy(Path(settings.policy_folder), settings.company_zone)
    except PolicyError as error:
        broken = error
    cache = open_cache(cache_url(places, settings), clock=clock)
    if broken is not None:
        in_force = kept(cache)
        if not in_force:
            cache.close()
            raise broken
        policy = read(in_force, settings.company_zone)
    return Workshop(cache, settings, policy, clock, actor, AdapterPool(settings, opener, clock), broken)
