"""A works whose cases are bound to the tickets of a real Roundup."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from jmltui.cache import journal
from jmltui.cache.tables import JournalRow
from jmltui.lifecycle import requests, tickets
from jmltui.lifecycle.approve import decide
from jmltui.worker.posting import TicketPoster
from tests.conftest import StandingClock
from tests.lifecycle.works import Works, founded
from tests.servers.roundup import AGENT, Roundup

POLICY = """\
entitlements:
  - {id: desk, system: directory, target: "group:Desk"}
  - {id: vault, system: directory, target: "group:Vault", tier: elevated, approval: true}
  - {id: account, system: directory, target: account}
roles:
  - {id: everybody, match: {person.type: employee}, grants: [account, desk]}
  - {id: keepers, match: {person.title: Keeper}, grants: [vault]}
guards:
  leavers: {floor: 3, percent: 5, ceiling: 50, window: 24h}
procedures:
  - id: joiner
    title: Joiner
    owner: team:helpdesk
    fallback_owner: team:it
    target: 3d
    steps:
      - {id: account, do: account.create, title: Create the account}
      - {id: groups, do: entitlements.apply, title: Give the groups, needs: [account]}
      - {id: laptop, do: manual, title: Laptop, needs: [account], owner: "team:endpoint", text: "Hand a laptop out."}
      - {id: badge, do: manual, title: Badge, needs: [account], owner: "team:doors", text: "Hand a badge out."}
      - {id: verify, do: access.verify, title: Read back, needs: [groups]}
  - id: leaver
    title: Leaver
    owner: team:helpdesk
    fallback_owner: team:security
    target: 24h
    steps:
      - {id: disable, do: account.disable, title: Disable, target: 15m}
      - {id: groups, do: group.remove_all, title: Out of every group, needs: [disable]}
      - {id: verify, do: access.verify, title: Read back, needs: [groups]}
"""

BLOCK = """\
[systems.helpdesk]
adapter = "http"
description = "{description}"
base = "{url}"
private_network = true
deadline = "5s"
ticket_in_progress = "in-progress"
ticket_done = "resolved"
[systems.helpdesk.parameters]
user = "{user}"
origin = "{origin}"
[systems.helpdesk.secrets]
password = "file:helpdesk-password"
"""

KEEPER: Mapping[str, str] = {"title": "Keeper", "department": "Vaults"}


class Helpdesk(Works):
    """The works, its tracker, and what a helpdesk does with both."""

    tracker: Roundup
    poster: TicketPoster | None = None

    def case_of(self, kind: str = "joiner") -> int:
        """The number of the one pending case of a kind."""
        return self.only(kind)

    def secret_is(self, password: str) -> None:
        """Put a password where the settings look for it."""
        file = self.home / "helpdesk-password"
        file.write_text(password, encoding="utf-8")
        file.chmod(0o600)

    async def another_worker(self) -> None:
        """Let another worker post from now on, on connections of its own."""
        if self.poster is not None:
            await self.poster.close()
        self.poster = None

    async def close(self) -> None:
        """End it all."""
        await self.another_worker()
        await self.workshop.close()

    async def post(self, rounds: int = 40) -> int:
        """Be the loop that posts, until nothing is due; how many tries there were."""
        if self.poster is None:
            self.poster = TicketPoster(self.by("worker"), self.said.append, lambda _: True)
        tried = 0
        for _ in range(rounds):
            now = await self.poster.once()
            if not now:
                break
            tried += now
        return tried

    async def post_after(self, wait: timedelta) -> int:
        """Let time go by, then post."""
        self.clock.forward(wait)
        return await self.post()

    def told(self, issue: str) -> list[str]:
        """What the comments of an issue say, without the key below each."""
        return [str(each["content"]).rpartition("\n\nReference jmltui-")[0] for each in self.tracker.comments(issue)]

    def standing(self, number: int) -> dict[str, Any]:
        """The ticket of a case with its messages."""
        return tickets.standing(self.workshop, number)

    def states(self, number: int) -> list[tuple[str, str, str]]:  # type: ignore[override]  # of messages here
        """Kind, milestone and state of every message of the ticket of a case."""
        return [(each["kind"], each["milestone"], each["state"]) for each in self.standing(number)["messages"]]

    def entries(self, action: str) -> list[str]:
        """What the journal says of one kind of action."""
        with self.workshop.cache.read() as session:
            assert journal.verify(session).first_bad is None
            query = select(JournalRow).where(col(JournalRow.action) == action).order_by(col(JournalRow.seq))
            return [row.summary for row in session.scalars(query)]

    async def joiner(self, name: str = "Ana Lind") -> int:
        """Somebody joins who has to get something that needs an approval; the number of the case."""
        self.person("E1", name, **KEEPER)
        await self.sync()
        return self.case_of()

    async def walk_to_the_end(self, number: int) -> None:
        """Let everything of a joiner's case be done: by the worker, by who approves, by who hands things out."""
        requests.run_case(self.workshop, number)
        await self.work()
        await self.post()
        step = self.step(number, "groups")
        decide(self.by("ben"), number, "groups", step["plan_hash"], approve=True, reason="she keeps the vault")
        await self.post()
        await self.work()
        requests.attest(self.by("eve"), number, "laptop", "serial 4711")
        requests.skip(self.by("dora"), number, "badge", "has one already")
        await self.work()
        await self.post()


def helpdesk_at(
    home: Path,
    clock: StandingClock,
    tracker: Roundup,
    url: str = "",
    description: str = "roundup",
    cache: str = "",
) -> Helpdesk:
    """The installation. `url` is where the tracker is reached, where something stands before it."""
    origin, user = tracker.origin, AGENT[0]
    block = BLOCK.format(description=description, url=url or tracker.url, user=user, origin=origin)
    works = founded(home, clock, POLICY, {"directory": ["group:Desk", "group:Vault"]}, block + cache)
    found = Helpdesk(works.home, works.workshop, works.clock)
    found.tracker = tracker
    found.secret_is(AGENT[1])
    return found
