"""A company's own policy over monthly files: months, exceptions, findings, reviews and edits, through the commands.

The company is an invented one of 300 people; a real one's files run as well where they are (see `company.given`).
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from jmltui.lifecycle import approve
from tests.trials import company, edits, faults, invented, reckoning
from tests.trials.reckoning import ACCOUNT, Move, Place
from tests.trials.trial import SHARE, Trial, set_up

pytestmark = [pytest.mark.trial, pytest.mark.timeout(900)]

GIVEN = company.given()
MONTHS: Final = 3
BY_HAND: Final = "by-hand"
BRIEFLY: Final = "25s"
PRODUCTION: Final = ("directory", "group:Production admins")
PAYROLL_GROUP: Final = ("directory", "group:Department Payroll")
LATEST: Final = 150
"""In how many seconds what ended by itself must be gone from the server."""


@pytest.fixture(params=["invented", *(["given"] if GIVEN else [])])
def trial(request: pytest.FixtureRequest, tmp_path: Path, scim2_server: Callable[..., Any]) -> Iterator[Trial]:
    """The company as it was before jmltui came: settings, policy, files, and systems that hold what people have."""
    place = GIVEN
    if request.param == "invented" or place is None:
        place = invented.invent(tmp_path / "files", count=MONTHS, seed=7)
    server = scim2_server()
    made = set_up(tmp_path / "trial", company.months(place)[:MONTHS], server.url, server.token)
    yield made
    made.stop()


def test_a_policy_of_a_company(trial: Trial, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole story; each part says what it counted, and the systems have the last word."""
    story = Story(trial, capsys)
    story.first_month()
    story.look()
    story.month(1)
    asked = story.ask_for_an_exception()
    story.review()
    story.month(2, breaking=True)
    story.look()
    story.settle_findings()
    story.edit_the_policy()
    story.exception_is_over(*asked)
    assert trial.run("journal", "verify")["intact"] is True


class Story:
    """What happens, one part after the other."""

    def __init__(self, trial: Trial, capsys: pytest.CaptureFixture[str]) -> None:
        self.trial = trial
        self.run = trial.run
        self.owners = {key: row["owner"] for key, row in trial.services.items()}
        self.meanwhile: dict[str, set[Place]] = {}
        self.now = 0
        self._capsys = capsys
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        """One line for whoever watches."""
        with self._capsys.disabled():
            print(f"\n{time.monotonic() - self._began:>5.0f} s  {text}", end="", flush=True)

    # ---- months

    def first_month(self) -> None:
        """Most people have what the policy gives; who is new gets it, and who should have gone goes."""
        trial, rows = self.trial, self.trial.everybody(0)
        assert trial.run("policy", "lint")["errors"] == []
        new = {key: row for key, row in rows.items() if key in trial.newcomers and trial.works_here(row)}
        over = [key for key, row in rows.items() if not trial.works_here(row) and key not in trial.newcomers]
        moves = {key: trial.ledger.joins(key, row, trial.today) for key, row in new.items()}
        for key in over:
            trial.ledger.leaves(key)
        self._sync({"joiner": len(new), "leaver": len(over)})
        self._carry_out(moves, rows)

    def month(self, number: int, *, breaking: bool = False) -> None:
        """The next files come: who joins, moves, leaves and comes back, and what each of them gets and loses."""
        trial, self.now = self.trial, number
        before, after = trial.everybody(number - 1), trial.everybody(number)
        seen = {key for month in range(number) for key in trial.everybody(month)}
        change = reckoning.changed(before, after, seen)
        over = {
            k for k in after.keys() & before.keys() if trial.works_here(before[k]) and not trial.works_here(after[k])
        }
        gone = {key for key in change.gone if trial.works_here(before[key])} | over
        leaving = {key: trial.ledger.leaves(key) for key in gone}
        moves = {key: trial.ledger.moves(key, after[key], trial.today) for key in change.moved - over}
        moves |= {key: trial.ledger.joins(key, after[key], trial.today) for key in change.joined | change.back}
        corrected = {k for k in after.keys() & before.keys() if reckoning.problems(before[k], trial.today)
                     and not reckoning.problems(after[k], trial.today)}  # fmt: skip
        moves |= {key: trial.ledger.joins(key, after[key], trial.today) for key in corrected}
        trial.feed(number)
        wanted = {"joiner": len(change.joined), "rehire": len(change.back), "mover": len(change.moved - over)}
        self._sync({**wanted, "leaver": len(gone)})
        self._new_owners(gone)
        if breaking:
            self._break_the_policy(moves)
        self._carry_out(moves, after)
        taken = sum(len(move.taken) for move in moves.values())
        given = sum(len(move.given) for move in moves.values())
        self.say(f"counted from the files: {given} given, {taken} taken by moves, "
                 f"{sum(len(move.taken) for move in leaving.values())} taken from who left")  # fmt: skip

    def _sync(self, wanted: Mapping[str, int]) -> None:
        report = self.run("sync")
        opened = {kind: count for kind, count in report["opened"].items() if count}
        self.say(f"month {self.now + 1}: opened {opened}")
        assert opened == {kind: count for kind, count in wanted.items() if count}
        assert report["problems"] == {}
        for batch in report["batches"]:
            self.run("confirm", str(batch["id"]), "--number", str(batch["absents"]))

    def _new_owners(self, gone: set[str]) -> None:
        """What a leaver owns goes to a manager who stays, or the leaver's case would not close."""
        heir = self.trial.sponsors.staying[0]
        for service, owner in self.owners.items():
            if owner in gone:
                self.run("owner", service, heir)
                self.owners[service] = heir

    def _carry_out(self, moves: Mapping[str, Move], rows: Mapping[str, Mapping[str, str]]) -> None:
        """Run everything, have others agree, settle by hand what a separation rule forbids; then ask the systems."""
        trial = self.trial
        asking = {key for key, move in moves.items() if trial.rules.needs_approval(move.given)}
        self.run("run", "--all", "--wait", "300")
        waiting = {case["person_key"]: case["id"] for case in self._cases() if case["approvals"]}
        assert waiting.keys() == asking
        self._agree(list(waiting.values()))
        forbidden = {key for key, move in moves.items() if move.blocked}
        held_up = {key for key, row in rows.items() if reckoning.problems(row, trial.today) and key in trial.newcomers}
        left = {case["person_key"]: case["id"] for case in self._cases()}
        assert left.keys() == forbidden | held_up
        for key in forbidden:
            self.run("attest", str(left[key]), BY_HAND, "the export office and the tester agreed to leave it so")
        self.run("run", "--all", "--wait", "120")
        self.agree()
        self.say(f"{len(asking)} approved by others, {len(forbidden)} forbidden by a separation rule, "
                 f"{len(held_up)} records to be corrected")  # fmt: skip

    def _cases(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.run("cases", "--limit", "5000")["cases"]
        return found

    def _agree(self, numbers: list[int]) -> None:
        """The export office agrees; nobody of it to their own case."""
        for login in self.trial.teams.export:
            with self.trial.by(login) as workshop:
                for number in numbers:
                    for step in approve.waiting(workshop, number):
                        if step.mine:
                            approve.decide(workshop, number, step.step, "", approve=True)
        if numbers:
            self.run("run", "--all", "--wait", "120")

    def agree(self) -> None:
        """The systems' own word is what the ledger says, for everybody."""
        truth, ledger = self.trial.estate.truth(), self.trial.ledger.held
        strangers = {f"login:{stranger.login}" for stranger in self.trial.strangers}
        assert strangers <= truth.keys()
        keys = (truth.keys() | ledger.keys()) - strangers
        wrong = {key: (truth.get(key, set()) ^ ledger.get(key, set())) - self.meanwhile.get(key, set()) for key in keys}
        wrong = {key: places for key, places in wrong.items() if places}
        assert not wrong, f"{len(wrong)} people hold something else than was counted, as {next(iter(wrong.items()))}"

    # ---- findings

    def look(self) -> None:
        """Every finding is one that plain counting comes to, and none is missing."""
        found = self.run("findings", "--scan", "--all", "--limit", "100000")["findings"]
        found = [row for row in found if row["state"] != "gone"]
        truth = self.trial.estate.truth()
        told, counted = faults.told(found), faults.counted(self.trial, self.now, truth, self.owners)
        assert {kind: len(rows) for kind, rows in told.items()} == {kind: len(rows) for kind, rows in counted.items()}
        assert told == counted
        self.say(f"found and counted: {dict(Counter(row['kind'] for row in found))}")

    def settle_findings(self) -> None:
        """A finding of each kind that a case can settle: what it says is taken away, and the systems say so."""
        trial = self.trial
        found = self.run("findings", "--limit", "100000")["findings"]

        def first(kind: str, **more: str) -> dict[str, Any]:
            return next(r for r in found if r["kind"] == kind and all(r[name] == want for name, want in more.items()))

        share, pay = first("unexplained"), first("separation", rule="pay-create-vs-release")
        old, unused = first("orphan", login="old-scanner"), first("dormant", system="chat")
        refused = self.run("findings", "case", str(pay["id"]), code=2)
        assert "--side" in refused["hint"], refused
        cases = [self.run("findings", "case", str(row["id"]))["case"] for row in (share, old, unused)]
        cases.append(self.run("findings", "case", str(pay["id"]), "--side", "right")["case"])
        for number, told in zip(map(str, cases[1:3]), ("it is the scanner of 2019", "she reads it no more"), strict=True):
            self.run("attest", number, "whose", f"asked at the desk: {told}")
            self.run("run", number, "--wait", "60", code=1)
            self.run("attest", number, "sessions", "the system knows no sessions; nobody is signed in")
        self.run("run", "--all", "--wait", "120")
        trial.ledger.held[share["person_key"]].discard(SHARE)
        trial.ledger.held[pay["person_key"]].discard(("erp", "role:AP_RELEASE"))
        trial.ledger.held[unused["person_key"]].discard(("chat", ACCOUNT))
        trial.strangers = [s for s in trial.strangers if s.login != "old-scanner"]
        self.agree()
        gone = {row["id"] for row in (share, pay, old, unused)}
        left = self.run("findings", "--scan", "--all", "--limit", "100000")["findings"]
        assert not gone & {row["id"] for row in left if row["state"] != "gone"}
        self.say(f"{len(gone)} findings settled by cases {cases}")

    # ---- exceptions

    def ask_for_an_exception(self) -> tuple[str, int]:
        """An administrator needs production for a moment: two others agree, and it is there."""
        trial = self.trial
        security = trial.teams.security
        key = trial.teams.operations[0].upper()
        asked = self.run("request", "access", key, "prod-admin", "--for", BRIEFLY, "--reason", "ticket 4711")
        case = int(asked["case"])
        assert "prod-admin" in [row["entitlement"] for row in self.run("request", "what", key)]
        self.run("approve", str(case), "approve", code=6)
        for login in (trial.teams.operations[0], *security[:2]):
            with trial.by(login) as workshop:
                [step] = approve.waiting(workshop, case)
                assert step.mine is (login in security)
                if step.mine:
                    approve.decide(workshop, case, step.step, "", approve=True)
        self._wait_for(lambda: PRODUCTION in trial.estate.truth()[key], 20)
        self.meanwhile[key] = {PRODUCTION}
        self.say(f"{key} is a production administrator for {BRIEFLY}: {', '.join(security[:2])} agreed")
        return key, case

    def exception_is_over(self, key: str, case: int) -> None:
        """Nobody did anything, and it is gone."""
        self._wait_for(lambda: PRODUCTION not in self.trial.estate.truth()[key], LATEST)
        self._wait_for(lambda: not [c for c in self._cases() if c["kind"] == "expiry"], 20)
        [row] = [row for row in self.run("request", "list", key, "--all") if row["case_id"] == case]
        assert (row["state"], row["subject"]) == ("ended", "prod-admin")
        self.meanwhile.clear()
        self.agree()
        self.say("the exception ended by itself")

    def _wait_for(self, is_so: Callable[[], bool], seconds: float) -> None:
        end = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < end, f"after {seconds} seconds it is not so"
            time.sleep(1)

    # ---- reviews

    def review(self) -> None:
        """The payroll department's access is reviewed: some is kept, some is taken, and that is a suggestion."""
        trial, rows = self.trial, self.trial.everybody(self.now)
        open_now = {row["rule"]: row["id"] for row in self.run("reviews")["reviews"] if row["state"] == "open"}
        assert open_now.keys() == {"quarterly", "privileged", "payroll", "dormant"}, "reviews open by themselves"
        self.run("reviews", "close", str(open_now["payroll"]), "--now")
        number = str(self.run("reviews", "open", "payroll")["review"])
        items = self.run("reviews", "items", number, "--limit", "5000")["items"]
        held = {(key, *place) for key, places in trial.ledger.held.items() for place in places
                if place in (edits.PAYROLL, PAYROLL_GROUP)}  # fmt: skip
        assert {(i["person_key"], i["system"], i["target"]) for i in items} == held
        clerks = [i for i in items if rows[i["person_key"]]["role"] in edits.CLERKS]
        others = [i for i in items if i not in clerks and (i["system"], i["target"]) == edits.PAYROLL]
        keep = [str(item["id"]) for item in items if item not in others]
        self.run("reviews", "answer", *keep, "keep")
        self.run("reviews", "answer", *[str(i["id"]) for i in others], "revoke", "--note", "does not run the payroll")
        closed = self.run("reviews", "close", number)
        assert (closed["kept"], closed["revoked"], len(closed["cases"])) == (len(keep), len(others), len(others))
        self.run("run", *map(str, closed["cases"]), "--wait", "120")
        for item in others:
            trial.ledger.held[item["person_key"]].discard(edits.PAYROLL)
        self.agree()
        [told] = self.run("reviews", "suggestions", number)["suggestions"]
        assert (told["kind"], told["role"], told["entitlement"]) == (
            "take-out-of-role", "department-payroll", "erp-payroll-run")  # fmt: skip
        assert (told["count"], told["of"]) == (len(others), len(others) + len([i for i in clerks if
               (i["system"], i["target"]) == edits.PAYROLL]))  # fmt: skip
        self.say(f"review: {len(keep)} kept, {len(others)} revoked: {told['sentence']}")

    # ---- the policy changes

    def edit_the_policy(self) -> None:
        """Before a merge: who would gain and lose what, in the numbers of plain counting; a bad one is told."""
        trial, folder = self.trial, self.trial.home / "policy"
        good, bad = trial.home / "edited", trial.home / "merged"
        edits.follow_the_review(folder, good)
        edits.merge_badly(folder, bad)
        truth = trial.estate.truth()
        here = {key: row for key, row in trial.everybody(self.now).items() if trial.works_here(row)}
        gains: Counter[str] = Counter()
        loses: Counter[str] = Counter()
        for key, row in here.items():
            before = trial.rules.due(row)
            after = edits.due_by_the_review(row, before)
            may_gain = set() if reckoning.problems(row, trial.today) else after - before - truth.get(key, set())
            gains.update(map(self._name, may_gain))
            loses.update(map(self._name, (before - after) & truth.get(key, set())))
        told = self.run("policy", "diff", str(good))
        rights = {row["entitlement"]: row for row in told["entitlements"]}
        assert told["people"] == len(here) + len(trial.services)
        assert {name: row["gains"] for name, row in rights.items() if row["gains"]} == gains
        assert {name: row["loses"] for name, row in rights.items() if row["loses"]} == loses
        assert told["held_by"] == []
        mail = sum(edits.MAIL in truth.get(key, ()) for key in here)
        worse = self.run("policy", "diff", str(bad), code=3)
        assert {row["entitlement"]: row["loses"] for row in worse["entitlements"] if row["loses"]} == {"mail": mail}
        assert any(str(mail) in sentence and "removals" in sentence for sentence in worse["held_by"])
        self.say(f"the edit gives {dict(gains)} and takes {dict(loses)}; the bad merge: {worse['held_by'][0]}")

    def _name(self, place: Place) -> str:
        return self.trial.rules.names.get(place, f"{place[1]} on {place[0]}")

    def _break_the_policy(self, moves: Mapping[str, Move]) -> None:
        """Somebody merges five mistakes while the worker works: all are told, and the work goes on as it was."""
        trial, folder = self.trial, self.trial.home / "policy"
        whole = trial.home / "whole"
        shutil.copytree(folder, whole)
        self.run("run", "--all", "--wait", "0", code=(0, 1))
        places = edits.make_mistakes(folder)
        free = [key for key, move in moves.items() if not trial.rules.needs_approval(move.given)]

        def is_done() -> bool:
            truth = trial.estate.truth()
            return all(truth.get(key, set()) == trial.ledger.held[key] for key in free)

        left = not is_done()
        told = self.run("policy", "lint", code=2)["errors"]
        assert {(e["file"], e["line"], e["column"]) for e in told} == places.keys()
        assert all(places[e["file"], e["line"], e["column"]] in e["message"] for e in told)
        assert left, "nothing was left to do when the policy broke"
        self._wait_for(is_done, 120)
        assert "the old ones stay in force" in (trial.home / "worker.log").read_text(encoding="utf-8")
        shutil.rmtree(folder)
        whole.rename(folder)
        self.say(f"{len(told)} mistakes told with their places; the worker went on by the policy in force")
