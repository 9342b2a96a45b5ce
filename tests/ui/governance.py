"""Findings, a review and requests, written into the cache of a company as a scan and its people would leave them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import SQLModel

from jmltui.cache.engine import open_cache
from jmltui.cache.tables import (
    CampaignRow,
    CaseRow,
    ExceptionRow,
    FindingRow,
    OwnershipRow,
    PersonRow,
    ReviewItemRow,
)
from jmltui.domain.approval import ApprovalPath, ApprovalStage, as_json

PATH = ApprovalPath(
    "elevated",
    (
        ApprovalStage(1, ("manager",), ("team:helpdesk",), timedelta(hours=4)),
        ApprovalStage(1, ("group:security",), (), None),
    ),
    timedelta(days=14),
)


def people(file: Path, number: int) -> list[dict[str, Any]]:
    """Some people of the company, each with an account and one thing it holds."""
    query = (
        "SELECT p.id, p.key, p.name, p.department, a.system, a.account_id, a.login, e.target, e.entitlement_id "
        "FROM person p JOIN account a ON a.person_id = p.id AND a.link = 'confirmed' JOIN held h ON h.account = a.id "
        "JOIN entitlement e ON e.id = h.entitlement WHERE p.present = 1 AND p.status = 'active' "
        "GROUP BY p.id ORDER BY p.key LIMIT ?"
    )
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query, (number,))]


def write(file: Path, rows: list[SQLModel], clock: Any) -> None:
    """Add rows."""
    cache = open_cache(str(file), clock=clock)
    with cache.write() as session:
        session.add_all(rows)
    cache.close()


def findings(some: list[dict[str, Any]], now: datetime) -> list[SQLModel]:
    """One of most kinds; the first one may be somebody's."""

    def row(kind: str, number: int, danger: int, detail: str, facts: Any = None, **more: Any) -> FindingRow:
        return FindingRow(
            kind=kind,
            key=f"{kind}:{number}",
            danger=danger,
            detail=detail,
            facts=json.dumps(facts or {}),
            first_seen=now - timedelta(days=3 * number + 1),
            last_seen=now,
            **more,
        )

    def about(person: dict[str, Any]) -> dict[str, Any]:
        return {"person_id": person["id"], "person_key": person["key"], "person_name": person["name"]}

    def side(person: dict[str, Any], name: str, target: str) -> dict[str, Any]:
        return {
            "entitlement": name,
            "system": person["system"],
            "account_id": person["account_id"],
            "login": person["login"],
            "target": target,
            "role": "",
            "exception": 0,
            "reason": "given on the system itself: no role and no exception makes it due",
            "direct": True,
            "via": [],
        }

    proposals = [
        {
            "person_id": each["id"],
            "key": each["key"],
            "name": each["name"],
            "score": 75 - 20 * place,
            "reasons": ["the login is made of their name", f"the same address, {each['login']}@example.test"],
            "warnings": [] if place else ["it was used on 2024-02-01, before their first day 2025-03-01"],
        }
        for place, each in enumerate(some[:3])
    ]
    first, second, third = some[:3]
    sides = {
        "left": [side(second, "pay-create", "role:payments-create")],
        "right": [side(second, "pay-approve", "role:payments-approve")],
        "blocks": True,
    }
    holds = {"holds": ["group:Finance", "group:Wiki"], "last_used": "2026-05-29T09:00:00+00:00"}
    orphan = f"The account jansen2 on {first['system']} belongs to nobody. It holds group:Finance, used 3 days ago."
    conflict = f"{second['name']} ({second['key']}) holds pay-create together with pay-approve: nobody pays themselves."
    place = {"system": first["system"], "account_id": "u-4711", "login": "jansen2"}
    found: list[SQLModel] = [
        row("orphan", 1, 2, orphan, {**holds, "proposals": proposals}, **place),
        row("separation", 2, 3, conflict, sides, rule="payments", **about(second)),
        row("no_manager", 3, 0, f"{third['name']} ({third['key']}) has no manager.", {"manager": ""}, **about(third)),
    ]
    for number, each in enumerate(some[3:9], 4):
        login = f"{each['login']} on {each['system']}"
        detail = f"{each['name']} ({each['key']}) has not used {login} for {number * 20} days."
        where = {name: each[name] for name in ("system", "account_id", "login")}
        facts = {"last_used": "2026-01-04T09:00:00+00:00"}
        found.append(row("dormant", number, 1, detail, facts, **where, **about(each)))
    return found


def review(some: list[dict[str, Any]], now: datetime, reviewer: str = "user:ana") -> list[SQLModel]:
    """An open review with an item for each, and a closed one."""
    rows: list[SQLModel] = [
        CampaignRow(
            id=1,
            rule="quarterly-elevated",
            scope="privileged",
            reviewer="manager",
            fallback="team:security",
            on_no_answer="revoke_elevated",
            opened_at=now - timedelta(days=4),
            opened_by="ana",
            due_at=now + timedelta(days=10),
            items=len(some),
            answered=2,
        ),
        CampaignRow(
            id=2,
            rule="yearly-all",
            scope="all",
            state="closed",
            reviewer="manager",
            fallback="team:security",
            on_no_answer="keep",
            opened_at=now - timedelta(days=300),
            due_at=now - timedelta(days=280),
            closed_at=now - timedelta(days=281),
            items=412,
            answered=412,
        ),
    ]
    for seq, each in enumerate(some, 1):
        answered = seq in (2, 5)
        rows.append(
            ReviewItemRow(
                campaign_id=1,
                seq=seq,
                reviewer=reviewer if seq % 3 else "team:security",
                fallback="team:security",
                person_id=each["id"],
                person_key=each["key"],
                person_name=each["name"],
                department=each["department"],
                system=each["system"],
                account_id=each["account_id"],
                login=each["login"],
                entitlement_id=each["entitlement_id"],
                target=each["target"],
                privileged=seq < 4,
                tier="elevated" if seq < 4 else "birthright",
                role="staff" if seq % 2 else "",
                why="role staff: person.type is employee" if seq % 2 else "",
                last_used=now - timedelta(days=40 * seq) if seq != 3 else None,
                peers=40,
                peers_hold=41 - seq,
                peers_of=f"department {each['department']}",
                decision="keep" if answered else "",
                decided_by="ben" if answered else "",
                decided_at=now - timedelta(days=1) if answered else None,
            )
        )
    return rows


def requests(some: list[dict[str, Any]], now: datetime, case_id: int) -> list[SQLModel]:
    """One that waits, one in force, one emergency, one that has ended, and the acceptance of a finding."""
    common: dict[str, Any] = {"requested_by": "ben", "asked_at": now - timedelta(hours=6)}
    return [
        ExceptionRow(
            kind="access",
            person_id=some[0]["id"],
            subject="vpn-admin",
            reason="Migration of the branch offices",
            seconds=7 * 86400,
            case_id=case_id,
            **common,
        ),
        ExceptionRow(
            kind="access",
            person_id=some[1]["id"],
            subject="finance-read",
            reason="Covers for a colleague on leave",
            state="active",
            approved_by="mia",
            starts=now - timedelta(days=2),
            until=now + timedelta(days=12),
            **common,
        ),
        ExceptionRow(
            kind="access",
            person_id=some[2]["id"],
            subject="db-admin",
            reason="Database down, customers wait",
            state="active",
            starts=now - timedelta(hours=1),
            until=now + timedelta(hours=3),
            break_glass=True,
            **common,
        ),
        ExceptionRow(
            kind="separation",
            person_id=some[3]["id"],
            subject="payments",
            reason="Only two people in the branch",
            state="ended",
            approved_by="mia",
            until=now - timedelta(days=3),
            ended_at=now - timedelta(days=3),
            **common,
        ),
        ExceptionRow(
            kind="finding",
            subject="dormant:4",
            reason="On parental leave until then",
            until=now + timedelta(days=60),
            **common,
        ),
    ]


def governed(file: Path, clock: Any) -> list[dict[str, Any]]:
    """Write all of it; the people it is about."""
    some = people(file, 12)
    now = clock()
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        # What the company itself has is found by its own tests; here every row is known.
        connection.execute("DELETE FROM finding")
        case_id, step = connection.execute(
            "SELECT c.id, s.id FROM jcase c JOIN step s ON s.case_id = c.id WHERE s.state = 'approval' ORDER BY c.id"
        ).fetchone()
        connection.execute(
            "UPDATE step SET approval_path = ?, asked_at = ? WHERE id = ?",
            (json.dumps(as_json(PATH)), (now - timedelta(hours=3)).isoformat(" "), step),
        )
    service = PersonRow(
        source="hr", key="SVC-1", name="Backup robot", sort_name="backup robot", type="service", owner="E0",
        first_seen=now, read_at=now,
    )  # fmt: skip
    write(file, [*findings(some, now), *review(some, now), *requests(some, now, case_id), service], clock)
    cache = open_cache(str(file), clock=clock)
    with cache.write() as session:
        robot = session.merge(service)
        session.add(
            OwnershipRow(person_id=robot.id or 0, owner=some[0]["key"], feed_owner="E0", decided_by="ana", at=now)
        )
        case = session.get(CaseRow, case_id)
        assert case is not None
        case.soon_at = now - timedelta(hours=1)
    cache.close()
    return some
