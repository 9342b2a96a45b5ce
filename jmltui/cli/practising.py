"""Acting as somebody of a practice company, so that one person alone sees approvals at work.

It is refused wherever anything real could be touched: with any other adapter, in the settings or in the cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlmodel import Session, col

from jmltui.cache.approvals import persons_of_login
from jmltui.cache.tables import SystemRow
from jmltui.config import settings as settings_file
from jmltui.config.identity import Actor
from jmltui.config.settings import Settings
from jmltui.errors import NotAllowed, UsageError

from .context import Context
from .workshop import opened

ADAPTER: Final = "practice"
SOURCE: Final = "csv"


def colleague(at_home: Context, folder: Path, login: str) -> Actor:
    """The person of the practice company in `folder` who has this login; `at_home` is a context of that folder.

    Raises NotAllowed where anything but practice systems is connected, UsageError for a login that nobody there has.
    """
    _expect_none_of(_settings(settings_file.load(at_home.places.settings_file), folder.resolve()))
    with opened(at_home) as workshop, workshop.cache.read() as session:
        _expect_none_of(_cached(session))
        teams = workshop.policy.definitions.teams.values()
        listed = {member.casefold() for team in teams for member in team.members}
        if not persons_of_login(session, login) and login.casefold() not in listed:
            hint = "Logins stand in the systems: `jmltui person KEY` tells them. Was `jmltui sync` run?"
            raise UsageError(f"Nobody in the practice company has the login {login}.", hint=hint)
    return Actor(uid=-1, login=login, login_uid=None)


def _expect_none_of(real: Iterator[str]) -> None:
    why = next(real, "")
    if why:
        hint = "`jmltui practice new FOLDER` writes one; in every other installation people act as themselves."
        raise NotAllowed(f"Only people of a practice company can be acted as: {why}.", hint=hint)


def _cached(session: Session) -> Iterator[str]:
    """What the cache knows that is none of a practice company, each as the end of a sentence."""
    query = select(col(SystemRow.name)).where(col(SystemRow.kind).not_in(("", ADAPTER))).order_by(col(SystemRow.name))
    for name in session.scalars(query):
        yield f"the cache knows the system {name}, which is real"


def _settings(settings: Settings, folder: Path) -> Iterator[str]:
    """What settings name that is none of a practice company, each as the end of a sentence."""
    if not settings.systems:
        yield "the settings name no system"
    for blocks, adapter in ((settings.systems, ADAPTER), (settings.sources, SOURCE)):
        for block in blocks.values():
            if block.adapter != adapter:
                yield f"{block.name} is read by the adapter {block.adapter}"
            for option in ("file", "path"):
                value = str(block.options.get(option) or "")
                if value and not _within(folder / value, folder):
                    yield f"{block.name} is outside of the folder"
    if settings.cache_url and ("://" in settings.cache_url or not _within(Path(settings.cache_url), folder)):
        yield "its cache is outside of the folder"
    if not _within(settings.policy_folder, folder):
        yield "its policy is outside of the folder"


def _within(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder)
