"""One rule that another policy states otherwise, and which side of it is the looser one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from jmltui.domain.approval import ApprovalPath, ApprovalStage
from jmltui.domain.duration import format_duration
from jmltui.domain.window import WEEKDAYS, Window

ANYBODY: Final = "anybody else"
"""Who agrees where an approval is asked for and no path is named."""

_MINUTES_OF_DAY: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class RuleChange:
    """What a new policy states otherwise of `part` (a kind of rule), called `name` ("" where there is only one).

    `looser` is whether control is less than before: somebody may more, for longer, or with fewer people asked.
    """

    part: str
    name: str
    sentence: str
    looser: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """What a change is about, and how a sentence about it begins."""

    part: str
    name: str = ""

    def __str__(self) -> str:
        return f"The {self.part} “{self.name}”" if self.name else f"The {self.part}"

    def says(self, sentence: str, *, looser: bool = False) -> RuleChange:
        """A change told in words that follow the name."""
        return RuleChange(self.part, self.name, f"{self}{sentence}.", looser)

    def differs(self, what: str, old: object, new: object, *, looser: bool = False) -> Iterator[RuleChange]:
        """A change of one value; none where it is the same."""
        if old != new:
            yield self.says(f": {what} {told(old)} → {told(new)}", looser=looser)

    def raised(self, what: str, old: float, new: float) -> Iterator[RuleChange]:
        """A number of which more is looser."""
        yield from self.differs(what, old, new, looser=new > old)

    def lowered(self, what: str, old: float, new: float) -> Iterator[RuleChange]:
        """A number of which less is looser."""
        yield from self.differs(what, old, new, looser=new < old)

    def longer(self, what: str, old: timedelta | None, new: timedelta | None) -> Iterator[RuleChange]:
        """A time of which more is looser; None is for ever."""
        yield from self.differs(what, old, new, looser=is_longer(old, new))

    def dropped(self, what: str, old: bool, new: bool) -> Iterator[RuleChange]:
        """Something that is looser when it is no longer so."""
        yield from self.differs(what, old, new, looser=old and not new)

    def added(self, what: str, old: bool, new: bool) -> Iterator[RuleChange]:
        """Something that is looser when it becomes so."""
        yield from self.differs(what, old, new, looser=new and not old)

    def members(self, what: str, old: Iterable[str], new: Iterable[str], *, more: bool) -> Iterator[RuleChange]:
        """A list, in no order; `more` is whether more of it is looser, else less."""
        before, after = set(old), set(new)
        if after - before:
            yield self.says(f": {what} now with {told(sorted(after - before))}", looser=more)
        if before - after:
            yield self.says(f": {what} without {told(sorted(before - after))} now", looser=not more)


def told(value: object) -> str:
    """A value as a policy writes it; what is not stated is `none`."""
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(map(told, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def is_longer(old: timedelta | None, new: timedelta | None) -> bool:
    """Whether a time is longer than it was; None is for ever."""
    return old is not None and (new is None or new > old)


def opens_wider(old: Window | None, new: Window | None) -> bool:
    """Whether a window is open at a minute of the week at which it was shut; None is always open."""
    return not _minutes(new) <= _minutes(old)


def _minutes(window: Window | None) -> set[int]:
    """The minutes of the week in which a window is open, as the clock on the wall counts them."""
    week = len(WEEKDAYS) * _MINUTES_OF_DAY
    if window is None:
        return set(range(week))
    length, first = window.length // timedelta(minutes=1), window.start.hour * 60 + window.start.minute
    starts = [WEEKDAYS.index(day) * _MINUTES_OF_DAY + first for day in window.days]
    return {(start + minute) % week for start in starts for minute in range(length)}


@dataclass(frozen=True, slots=True)
class Approval:
    """Who has to agree: nobody where it is not `asked`, anybody else where there is no `path`."""

    asked: bool
    path: ApprovalPath | None = None

    @classmethod
    def of(cls, asked: bool, name: str, paths: Mapping[str, ApprovalPath]) -> Approval:
        """The approval that names a path of a policy, or "" for anybody else."""
        return cls(asked, paths.get(name) if asked and name else None)

    @property
    def name(self) -> str:
        """What it is called in a sentence."""
        if not self.asked:
            return "none"
        return f"“{self.path.id}”" if self.path is not None else ANYBODY

    def changes(self, new: Approval, subject: Subject) -> Iterator[RuleChange]:
        """What changes for who asks; a path that both name alike is told where it stands."""
        if self.name != new.name and not (self.path and new.path and _same(self.path, new.path)):
            yield subject.says(f": approval by {self.name} → {new.name}", looser=new.is_looser_than(self))

    def is_looser_than(self, old: Approval) -> bool:
        """Whether fewer people agree, or others than those that were asked for."""
        if not old.asked or not self.asked:
            return old.asked
        if old.path is None or self.path is None:
            return old.path is not None
        return path_is_looser(old.path, self.path)


def path_changes(subject: Subject, old: ApprovalPath, new: ApprovalPath) -> Iterator[RuleChange]:
    """What changes of one approval path: its stages, and how long it waits."""
    if old.stages != new.stages:
        sentence = f": {path_told(old)} → {path_told(new)}"
        yield subject.says(sentence, looser=stages_are_looser(old.stages, new.stages))
    yield from subject.longer("expires after", old.expires_after, new.expires_after)


def path_is_looser(old: ApprovalPath, new: ApprovalPath) -> bool:
    """Whether another path asks for less than the old one."""
    return stages_are_looser(old.stages, new.stages) or is_longer(old.expires_after, new.expires_after)


def stages_are_looser(old: Iterable[ApprovalStage], new: Iterable[ApprovalStage]) -> bool:
    """Whether some stage has, in its order, none that asks for at least as much."""
    left = iter(new)
    return not all(any(not _stage_is_looser(stage, other) for other in left) for stage in old)


def path_told(path: ApprovalPath) -> str:
    """The stages, one after another."""
    return ", then ".join(map(_stage_told, path.stages))


def _same(old: ApprovalPath, new: ApprovalPath) -> bool:
    return old.stages == new.stages and old.expires_after == new.expires_after


def _stage_is_looser(old: ApprovalStage, new: ApprovalStage) -> bool:
    at_once = timedelta(0)
    sooner = bool(old.fallback and new.fallback) and (new.fallback_after or at_once) < (old.fallback_after or at_once)
    further = set(new.approvers) - set(old.approvers) or set(new.fallback) - {*old.fallback, *old.approvers}
    return new.any_of < old.any_of or bool(further) or sooner


def _stage_told(stage: ApprovalStage) -> str:
    sentence = f"{stage.any_of} of {' or '.join(stage.approvers)}"
    if not stage.fallback:
        return sentence
    after = f" after {told(stage.fallback_after)}" if stage.fallback_after else ""
    return f"{sentence} (or {' or '.join(stage.fallback)}{after})"
