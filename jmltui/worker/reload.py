"""Settings and policy that change while the worker runs: taken over when they are right, told when they are not.

A policy that takes away or leaves unexplained more than the guard for removals of the one in force allows is held until
somebody accepts it; the settings beside it are taken over all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from jmltui.adapter_api import AdapterError
from jmltui.config import secrets
from jmltui.config import settings as settings_file
from jmltui.config.places import Places
from jmltui.errors import CacheError, JmltuiError, PolicyError
from jmltui.lifecycle import policy_in_force
from jmltui.lifecycle.workshop import AdapterPool, Workshop, cache_url
from jmltui.policy import Policy
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
        self._held = ""
        self._troubled = False

    def begin(self) -> Workshop:
        """The workshop to begin with: by the policy that a worker took over last, where that of the folder is held."""
        made = self._workshop
        try:
            old = policy_in_force.policy_in_force(made)
        except PolicyError as error:
            self._say(
                f"the policy that was in force cannot be read any more; that of the folder is taken over: {error}"
            )
            old = None
        if old is None:
            self._note(made)
            return made
        self._workshop = replace(made, policy=old)
        try:
            self._workshop = self._judged(made)
        except CacheError as error:
            self._trouble(error)
        return self._workshop

    def look(self) -> Workshop | None:
        """The workshop to go on with, None while all stays as it is. Raises OtherCache.

        Files are read once they stood still from one look to the next: an editor writes them in pieces. A workshop is
        given only when every file of it is right and every adapter can be built; else the one in force stays. A policy
        that was held is looked at again once it is accepted.
        """
        found = self._signature()
        try:
            if found == self._loaded and not self._was_accepted():
                return None
            if found not in (self._loaded, self._before):
                self._before = found
                return None
            self._loaded = found
            made = self._judged(self._load())
            self._troubled = False
        except OtherCache:
            raise
        except CacheError as error:
            self._trouble(error)
            return None
        except (AdapterError, JmltuiError) as error:
            self._held = ""
            self._say(f"the changed settings or policy are not taken over, the old ones stay in force: {error}")
            return None
        same = made.settings == self._workshop.settings and made.policy.hash == self._workshop.policy.hash
        if same:
            return None
        self._workshop = made
        return made

    def _judged(self, made: Workshop) -> Workshop:
        """A workshop of the changed files, by the policy in force where the changed one is held."""
        old, new = self._workshop.policy, made.policy
        if new.hash == old.hash:
            policy_in_force.note_put_back(self._workshop)
            self._held = ""
            return made
        why = policy_in_force.why_held(self._workshop, new)
        if why is None:
            self._note(made)
            self._held = ""
            return made
        policy_in_force.note_held(self._workshop, new, why)
        if self._held != new.hash:
            self._say(f"{why} {policy_in_force.HINT}")
        self._held = new.hash
        return replace(made, policy=Policy(old.definitions, made.settings.company_zone))

    def _was_accepted(self) -> bool:
        return bool(self._held) and policy_in_force.accepted(self._workshop.cache) == self._held

    def _note(self, made: Workshop) -> None:
        """Keep the policy as the one in force; where the cache cannot be written, the one before stays noted."""
        try:
            policy_in_force.take_over(made)
        except CacheError as error:
            self._say(f"the policy is taken over, and that could not be noted: {error}")

    def _trouble(self, error: CacheError) -> None:
        """Look again at the next look; told once."""
        self._loaded = ()
        if not self._troubled:
            self._say(f"the changed settings or policy could not be looked at: {error} It is tried again by itself.")
        self._troubled = True

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
