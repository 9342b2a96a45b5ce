"""What happens in the company-sized trial, one part after the other, and what must come of each."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from jmltui.cache.reviews import items as items_of
from jmltui.errors import NotAllowed
from jmltui.governance import reviews
from jmltui.lifecycle import approve
from tests.trials import edits, faults, reckoning
from tests.trials.reckoning import ACCOUNT, Move, Place
from tests.trials.trial import SHARE, Trial

BY_HAND: Final = "by-hand"
BRIEFLY: Final = "15s"
LATEST: Final = 150
"""In how many seconds what ended by itself must be gone from the server."""

PRODUCTION: Final = ("directory", "group:Production admins")
SOURCE: Final = ("directory", "group:Source code")
RELEASE_PAY: Final = ("erp", "role:AP_RELEASE")
PAYROLL_GROUP: Final = ("directory", "group:Department Payroll")


class Story:
    """The trial as it goes by; `say` takes one line for whoever watches."""

    def __init__(self, trial: Trial, say: Callable[[str], None]) -> None:
        self.trial = trial
        self.run = trial.run
        self.owners = {key: row["owner"] for key, row in trial.services.items()}
        self.meanwhile: dict[str, set[Place]] = {}
        self.now = 0
        self._say = say
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        """One line, with how many seconds went by."""
        self._say(f"{time.monotonic() - self._began:>5.0f} s  {text}")

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
        self._wait_for(lambda: not self._wrong(), 60)
        left = {case["person_key"]: case["id"] for case in self._cases()}
        assert left.keys() == forbidden | held_up
        for key in forbidden:
            self.run("attest", str(left[key]), BY_HAND, "the export office and the tester agreed to leave it so")
        self.say(
            f"{len(asking)} approved by others, {len(forbidden)} forbidden by a separation rule, "
            f"{len(held_up)} records to be corrected"
        )

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

    def agree(self) -> None:
        """The systems' own word is what the ledger says, for everybody."""
        wrong = self._wrong()
        assert not wrong, f"{len(wrong)} people hold something else than was counted, as {next(iter(wrong.items()))}"

    def _wrong(self) -> dict[str, set[Place]]:
        """By key: what is held and was not counted, or the other way round."""
        truth, ledger = self.trial.estate.truth(), self.trial.ledger.held
        strangers = {f"login:{stranger.login}" for stranger in self.trial.strangers}
        assert strangers <= truth.keys()
        keys = (truth.keys() | ledger.keys()) - strangers
        wrong = {key: truth.get(key, set()) ^ ledger.get(key, set()) for key in keys}
        wrong = {key: places - self.meanwhile.get(key, set()) for key, places in wrong.items()}
        return {key: places for key, places in wrong.items() if places}

    # ---- findings

    def look(self) -> None:
        """Every finding is one that plain counting comes to, and none is missing."""
        found = self.run("findings", "--scan", "--all", "--limit", "100000")["findings"]
        found = [row for row in found if row["state"] != "gone"]
        truth = self.trial.estate.truth()
        told, counted = faults.told(found), faults.counted(self.trial, self.now, truth, self.owners, self.meanwhile)
        differ = {kind: (told.get(kind, set()) ^ counted.get(kind, set())) for kind in told.keys() | counted.keys()}
        differ = {kind: rows for kind, rows in differ.items() if rows}
        assert not differ, f"told or counted only: {differ}"
        self.say(f"found and counted: {dict(Counter(row['kind'] for row in found))}")

    def settle_findings(self) -> None:
        """A finding of each kind that a case can settle: what it says is taken away, and the systems say so."""
        trial = self.trial
        found = self.run("findings", "--limit", "100000")["findings"]

        def first(kind: str, **more: str) -> dict[str, Any]:
            return next(r for r in found if r["kind"] == kind and all(r[name] == want for name, want in more.items()))

        share, pay = first("unexplained"), first("separation", rule="pay-create-vs-release")
        unused, surplus = first("dormant", system="chat"), first("not_due", target=SOURCE[1])
        old = first("orphan", login="old-scanner")
        refused = self.run("findings", "case", str(pay["id"]), code=2)
        assert "--side" in refused["hint"], refused
        opened = self.run("findings", "case", *(str(row["id"]) for row in (share, unused, surplus, old)))["cases"]
        cases = [each["case"] for each in opened]
        cases.append(self.run("findings", "case", str(pay["id"]), "--side", "right")["case"])
        scanner = str(cases[3])
        self.run("attest", scanner, "whose", "asked at the desk: it is the scanner of 2019")
        self.run("run", "--all", "--wait", "60", code=1)
        self.run("attest", scanner, "sessions", "the system knows no sessions; nobody is signed in")
        for row, place in ((share, SHARE), (unused, ("chat", ACCOUNT)), (surplus, SOURCE), (pay, RELEASE_PAY)):
            trial.ledger.held[row["person_key"]].discard(place)
        trial.strangers = [s for s in trial.strangers if s.login != "old-scanner"]
        self.agree()
        gone = {row["id"] for row in (share, pay, old, unused, surplus)}
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
            time.sleep(1)  # the way to see it lists everybody

    # ---- reviews

    def review(self) -> None:
        """The payroll department's access is reviewed: some is kept, some is taken, and that is a suggestion."""
        trial, rows = self.trial, self.trial.everybody(self.now)
        open_now = {row["rule"]: row["id"] for row in self.run("reviews")["reviews"] if row["state"] == "open"}
        assert open_now.keys() == {"quarterly", "privileged", "payroll", "dormant"}, "reviews open by themselves"
        self._manager_answers(open_now["quarterly"])
        self.run("reviews", "close", str(open_now["payroll"]), "--now", "--reason", "the audit asks anew")
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

    def _manager_answers(self, campaign: int) -> None:
        """A manager is asked about their own people, all of them and nobody else; nobody answers in their place."""
        trial, rows = self.trial, self.trial.everybody(0)
        boss = trial.sponsors.staying[0]
        with trial.by(boss.lower()) as workshop, workshop.cache.read() as session:
            mine = items_of(session, campaign, reviews.words_of(workshop, session, boss.lower(), campaign),
                            only_open=True, limit=5000)  # fmt: skip
        people = {key for key, row in rows.items() if row.get("manager") == boss and key not in trial.newcomers}
        assert (
            people <= {item["person_key"] for item in mine} <= {k for k, r in rows.items() if r.get("manager") == boss}
        )
        numbers = [item["id"] for item in mine]
        with trial.by(trial.teams.operations[1]) as workshop, pytest.raises(NotAllowed):
            reviews.decide_many(workshop, numbers[:1], "keep")
        with trial.by(boss.lower()) as workshop:
            assert reviews.decide_many(workshop, numbers, "keep") == len(numbers)

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
