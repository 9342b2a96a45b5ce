"""Settings and policy that change while the worker runs: taken over when they are right, told when they are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from jmltui.adapter_api import AdapterError
from jmltui.config import secrets
from jmltui.config import settings as settings_file
from jmltui.config.places import Places
from jmltui.errors import JmltuiError
from jmltui.lifecycle.workshop import AdapterPool, Workshop, cache_url
from jmltui.policy import load as load_policy

Signature = tuple[tuple[str, int, int, int], ...]


class OtherCache(JmltuiError):
    """The settings name another cache than the one that this worker serves."""


class Watch:
    """Looks at the files of one workshop. `say` takes one line for the worker's log."""

    def __init__(
        self, places: Places, workshop: Workshop, environ: Mapping[str, str], say: Callable[[str], None]
    ) -> None:
        self._places = places
        self._workshop = workshop
        self._environ = environ
        self._say = say
        self._url = cache_url(places, workshop.settings)
        self._loaded: Signature = ()
        self._before: Signature = ()

    def look(self) -> Workshop | None:
        """The workshop to go on with, None while all stays as it is. Raises OtherCache.

        Files are read once they stood still from one look to the next: an editor writes them in pieces. A workshop is
        given only when every file of it is right and every adapter can be built; else the one in force stays.
        """
        found = self._signature()
        if found == self._loaded:
            return None
        if found != self._before:
            self._before = found
            return None
        self._loaded = found
        try:
            made = self._load()
        except OtherCache:
            raise
        except (AdapterError, JmltuiError) as error:
            self._say(f"the changed settings or policy are not taken over, the old ones stay in force: {error}")
            return None
        same = made.settings == self._workshop.settings and made.policy.hash == self._workshop.policy.hash
        if same:
            return None
        self._workshop = made
        return made

    def _load(self) -> Workshop:
        settings = settings_file.load(self._places.settings_file)
        if cache_url(self._places, settings) != self._url:
            raise OtherCache("The settings name another cache now; this worker ends, the next one serves that.")
        policy = load_policy(Path(settings.policy_folder), settings.company_zone)
        secret = secrets.opener(self._environ, base=settings.folder)
        pool = AdapterPool(settings, secret, self._workshop.clock)
        for name in (*settings.systems, *settings.sources):
            pool.built(name)
        return replace(self._workshop, settings=settings, policy=policy, adapters=pool)

    def _signature(self) -> Signature:
        folder = Path(self._workshop.settings.policy_folder)
        files = [self._places.settings_file, *sorted(folder.rglob("*") if folder.is_dir() else [folder])]
        found = []
        for file in files:
            try:
                status = file.stat()
            except OSError:
                found.append((str(file), 0, 0, 0))
            else:
                found.append((str(file), status.st_mtime_ns, status.st_size, status.st_ino))
        return tuple(found)
