"""The tables. Mirrors are rebuilt from sources and systems; records are ours and only move along their states.

A mirror's row is written only when it changed: its `read_at` says since when it is as it is, and `last_good` of its
source or system when it was last seen so.

Instants are stored as UTC text in SQLite and timestamptz in PostgreSQL (SQLModel does both); JSON is text.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Text
from sqlmodel import Field, Index, SQLModel, UniqueConstraint

_KEY = BigInteger().with_variant(Integer, "sqlite")


class MetaRow(SQLModel, table=True):
    """Facts about the cache itself: schema version, the policy in force, the worker's heartbeat."""

    __tablename__ = "meta"
    key: str = Field(primary_key=True)
    value: str = ""


class SourceRow(SQLModel, table=True):
    """One source of people, and how its last reading went."""

    __tablename__ = "source"
    name: str = Field(primary_key=True)
    kind: str = ""
    state: str = "new"
    error: str = Field(default="", sa_type=Text)
    last_try: datetime | None = None
    last_good: datetime | None = None
    digest: str = ""
    rows: int = 0
    quarantined: int = 0


class QuarantineRow(SQLModel, table=True):
    """A row of a feed that was not believed; replaced with each reading of its source."""

    __tablename__ = "quarantine"
    id: int | None = Field(default=None, primary_key=True, sa_type=_KEY)
    source: str = Field(index=True)
    line: int = 0
    reason: str = Field(default="", sa_type=Text)
    raw: str = Field(default="", sa_type=Text)
    at: datetime


class PersonRow(SQLModel, table=True):
    """A person as the source stated them last; `present` tells whether the last accepted feed held them."""

    __tablename__ = "person"
    __table_args__ = (
        UniqueConstraint("source", "key", name="person_key"),
        Index("person_name", "sort_name", "id"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=_KEY)
    source: str
    key: str
    name: str
    sort_name: str = ""
    type: str = "employee"
    status: str = "active"
    email: str = ""
    department: str = ""
    title: str = ""
    location: str = ""
    manager: str = ""
    sponsor: str = ""
    owner: str = ""
    zone: str = ""
    starts: str = ""
    ends: str = ""
    urgent: bool = False
    reason: str = ""
    attributes: str = Field(default="{}", sa_type=Text)
    row_ref: str = ""
    digest: str = ""
    present: bool = True
    missing_feeds: int = 0
    first_seen: datetime
    read_at: datetime


class StatementRow(SQLModel, table=True):
    """What one of several sources of the same people states of one of them; `facts` are attributes as JSON."""

    __tablename__ = "statement"
    __table_args__ = (Index("statement_key", "key"),)
    source: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    facts: str = Field(sa_type=Text)
    starts: str = ""
    ends: str = ""
    digest: str = ""
    row_ref: str = ""
    present: bool = True
    missing_feeds: int = 0
    read_at: datetime


class SystemRow(SQLModel, table=True):
    """One connected system, and how its last listing went."""

    __tablename__ = "system"
    name: str = Field(primary_key=True)
    kind: str = ""
    state: str = "new"
    error: str = Field(default="", sa_type=Text)
    last_try: datetime | None = None
    last_good: datetime | None = None
    accounts: int = 0
    entitlements: int = 0
    grants: int = 0
    capabilities: str = Field(default="{}", sa_type=Text)
    facts: str = Field(default="{}", sa_type=Text)
    exercised_against: str = ""
    seconds: float = 0


class AccountRow(SQLModel, table=True):
    """An account as its system stated it last, with its link to a person."""

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("system", "account_id", name="account_key"),
        Index("account_login", "system", "login_folded"),
        Index("account_person", "person_id"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=_KEY)
    system: str
    account_id: str
    login: str
    login_folded: str = ""
    state: str
    emails: str = "[]"
    external_id: str | None = None
    display: str = ""
    kind: str = "person"
    last_seen: datetime | None = None
    expires: datetime | None = None
    version: str | None = None
    person_id: int | None = Field(default=None, sa_type=_KEY)
    link: str = "orphaned"
    read_at: datetime


class EntitlementRow(SQLModel, table=True):
    """An entitlement as its system stated it last; `target` is `kind:name`, as policies name it."""

    __tablename__ = "entitlement"
    __table_args__ = (
        UniqueConstraint("system", "entitlement_id", name="entitlement_key"),
        Index("entitlement_target", "system", "target"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=_KEY)
    system: str
    entitlement_id: str
    kind: str
    name: str
    target: str
    privileged: bool = False
    grantable: bool = True
    read_at: datetime


class HeldRow(SQLModel, table=True):
    """A grant: an account holds an entitlement now. Both are row numbers of their tables."""

    __tablename__ = "held"
    __table_args__ = {"sqlite_with_rowid": False}
    account: int = Field(primary_key=True, sa_type=_KEY)
    entitlement: int = Field(primary_key=True, sa_type=_KEY)
    direct: bool = True
    via: str = ""
    expires: datetime | None = None


class TargetRow(SQLModel, table=True):
    """What the policy in force can make due: one row per policy entitlement, resolved to an entitlement's row."""

    __tablename__ = "target"
    __table_args__ = (UniqueConstraint("policy_id", name="target_policy"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=_KEY)
    policy_id: str
    system: str
    target: str
    entitlement: int | None = Field(default=None, sa_type=_KEY)


class DueRow(SQLModel, table=True):
    """An assignment: the policy says that a person should hold a target."""

    __tablename__ = "due"
    person: int = Field(primary_key=True, sa_type=_KEY)
    target: int = Field(primary_key=True, sa_type=_KEY)


class CaseRow(SQLModel, table=True):
    """One case, with what the queue shows of it kept beside it so that a page of the queue is one table's read."""

    __tablename__ = "jcase"
    __table_args__ = (
        UniqueConstraint("event_key", name="jcase_event"),
        Index("jcase_queue", "live", "next_due", "id"),
        Index("jcase_kind", "live", "kind", "next_due", "id"),
        Index("jcase_state", "live", "state", "next_due", "id"),
        Index("jcase_person", "person_id"),
        Index("jcase_batch", "batch_id"),
        Index("jcase_name", "live", "person_name", "id"),
        Index("jcase_opened", "kind", "opened_at"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=_KEY)
    kind: str
    state: str
    live: int = 1
    person_id: int = Field(sa_type=_KEY)
    person_name: str = ""
    person_key: str = ""
    department: str = ""
    source: str = ""
    event: str = Field(default="{}", sa_type=Text)
    event_key: str
    batch_id: int | None = Field(default=None, sa_type=_KEY)
    absent: bool = False
    urgent: bool = False
    due: datetime
    target_at: datetime
    opened_at: datetime
    opened_by: str
    run_through: bool = False
    requested_by: str = ""
    claimed_by: str = ""
    owner: str = ""
    fallback_owner: str = ""
    plan_hash: str = ""
    policy_hash: str = ""
    danger: int = 0
    held_reason: str = Field(default="", sa_type=Text)
    steps_total: int = 0
    steps_done: int = 0
    attention: int = 0
    approvals: int = 0
    working: int = 0
    next_step: str = ""
    next_due: datetime
    closed_at: datetime | None = None
    version: int = 1
    scope: str = Field(default="{}", sa_type=Text)
    soon_at: datetime | None = None


class StepRow(SQLModel, table=True):
    """One line of a case's checklist."""

    __tablename__ = "step"
    __table_args__ = (Index("step_case", "case_id", "seq"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=_KEY)
    case_id: int = Field(sa_type=_KEY)
    seq: int
    key: str
    do: str
    title: str
    state: str
    owner: str = ""
    fallback_owner: str = ""
    target_at: datetime | None = None
    needs: str = "[]"
    approval: bool = False
    danger: int = 0
    text: str = Field(default="", sa_type=Text)
    note: str = Field(default="", sa_type=Text)
    requested_by: str = ""
    started_at: datetime | None = None
    done_by: str = ""
    done_at: datetime | None = None
    version: int = 1
    asked_at: datetime | None = None
    approval_path: str = Field(default="", sa_type=Text)
    soon_at: datetime | None = None
    escalated_at: datetime | None = None


class LineRow(SQLModel, table=True):
    """One line of a case's diff, as it was when the plan was made."""

    __tablename__ = "diffline"
    __table_args__ = (Index("diffline_case", "case_id", "seq"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=_KEY)
    case_id: int = Field(sa_type=_KEY)
    seq: int
    kind: str
    system: str
    operation: str = ""
    account_id: str = ""
    login: str = ""
    entitlement_id: str = ""
    target: str = ""
    reason: str = Field(default="", sa_type=Text)
    privileged: bool = False
    approval: bool = False
    entitlement: str = ""
    until: datetime | None = None
    rules: str = Field(default="[]", sa_type=Text)


class ActionRow(SQLModel, table=True):
    """One "make it so" call: the unit of the step journal."""

    __tablename__ = "action"
    __table_args__ = (
        UniqueConstraint("idem_key", name="action_idem"),
        Index("action_state", "state", "run_at"),
        Index("action_system", "system", "state"),
        Index("action_case", "case_id", "step_id", "seq"),
        Index("action_step", "step_id"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=_KEY)
    case_id: int = Field(sa_type=_KEY)
    step_id: int = Field(sa_type=_KEY)
    seq: int
    system: str
    operation: str
    account_id: str = ""
    login: str = ""
    entitlement_id: str = ""
    target: str = ""
    reason: str = Field(default="", sa_type=Text)
    wanted: str = Field(default="{}", sa_type=Text)
    expects: str = Field(default="{}", sa_type=Text)
    proof: str = "read-back"
    danger: int = 0
    inverse: str = ""
    manual: bool = False
    note: str = Field(default="", sa_type=Text)
    idem_key: str
    fingerprint: str = ""
    plan_hash: str = ""
    state: str = "planned"
    run_at: datetime | None = None
    attempts: int = 0
    checks: int = 0
    fence: int = 0
    owner: str = ""
    lease_until: datetime | None = None
    outcome: str = Field(default="", sa_type=Text)
    error_kind: str = ""
    before: str = Field(default="{}", sa_type=Text)
    after: str = Field(default="{}", sa_type=Text)
    observed: str = Field(default="{}", sa_type=Text)
    evidence_source: str = ""
    requested_by: str = ""
    undo_of: int | None = Field(default=None, sa_type=_KEY)
    settled_at: datetime | None = None
    version: int = 1


class AttemptRow(SQLModel, table=True):
    """One try of an action: the intent is committed before the system is touched. Append-only but for its outcome."""

    __tablename__ = "attempt"
    __table_args__ = (Index("attempt_action", "action_id", "id"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=_KEY)
    action_id: int = Field(sa_type=_KEY)
    fence: int
    kind: str
    owner: str
    intent: str = Field(default="", sa_type=Text)
    started: datetime
    finished: datetime | None = None
    outcome: str = Field(default="", sa_type=Text)
    evidence: str = Field(default="{}", sa_type=Text)


class ApprovalRow(SQLModel, table=True):
    """A decision of somebody else on a step's plan or a batch, bound to the hash of what was shown."""

    __tablename__ = "approval"
    __table_args__ = (
        UniqueConstraint("case_id", "step_id", "plan_hash", "approver", name="approval_once"),
        Index("approval_case", "case_id"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=_KEY)
    case_id: int = Field(sa_type=_KEY)
    step_id: int = Field(sa_type=_KEY)
    plan_hash: str
    requester: str
    approver: str
    decision: str
    reason: str = Field(default="", sa_type=Text)
    at: datetime
    stage: int = 0
    as_word: str = ""


class BatchRow(SQLModel, table=True):
    """What one sync opened together, where a person has to confirm or release it."""

    __tablename__ = "batch"
    id: int | None = Field(default=None, primary_key=True, sa_type=_KEY)
    source: str
    opened_at: datetime
    state: str = "open"
    leavers: int = 0
    absents: int = 0
    held: int = 0
    reason: str = Field(default="", sa_type=Text)
    opened_by: str = ""
    decided_by: str = ""
    decided_at: datetime | None = None
    typed: str = ""


class JournalRow(SQLModel, table=True):
    """The append-only log; `entry` are the very bytes that are hashed."""

    __tablename__ = "journal"
    __table_args__ = (
        Index("journal_case", "case_id", "seq"),
        Index("journal_person", "person_id", "seq"),
    )
    seq: int | None = Field(default=None, primary_key=True, sa_type=_KEY)
    at: datetime
    actor: str
    action: str
    case_id: int | None = Field(default=None, sa_type=_KEY)
    person_id: int | None = Field(default=None, sa_type=_KEY)
    system: str = ""
    summary: str = Field(default="", sa_type=Text)
    entry: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    hash: str


class LimitRow(SQLModel, table=True):
    """Token bucket and circuit breaker of one system, shared by all processes."""

    __tablename__ = "adapter_limit"
    system: str = Field(primary_key=True)
    tokens: float = 0
    at: datetime
    wait_until: datetime | None = None
    stopped: bool = False
    reason: str = Field(default="", sa_type=Text)


class TimerRow(SQLModel, table=True):
    """A schedule: `next_at` is when it runs next."""

    __tablename__ = "timer"
    name: str = Field(primary_key=True)
    every_seconds: int
    next_at: datetime
    last_ok: datetime | None = None


class ChangeRow(SQLModel, table=True):
    """What changed, for screens that refresh; pruned."""

    __tablename__ = "change"
    id: int | None = Field(default=None, primary_key=True, sa_type=_KEY)
    at: datetime
    kind: str
    ref: str = ""


class ExceptionRow(SQLModel, table=True):
    """What a person may have, or may be left with, until an instant: see `domain.exception`.

    `subject` is the id of an entitlement or of a separation rule, or the key of a finding. `outside_policy` when no
    role let the person ask for it: then it outlives a move. `system` and `target` are what an entitlement was when it
    was asked for, so that it is still known what was given when the policy has no such entitlement any more.
    """

    __tablename__ = "exception"
    __table_args__ = (
        Index("exception_person", "person_id", "state"),
        Index("exception_until", "state", "until"),
        Index("exception_case", "case_id"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=_KEY)
    kind: str
    person_id: int = Field(default=0, sa_type=_KEY)
    subject: str
    reason: str = Field(default="", sa_type=Text)
    requested_by: str
    approved_by: str = ""
    state: str = "asked"
    asked_at: datetime
    starts: datetime | None = None
    until: datetime | None = None
    seconds: int = 0
    case_id: int = Field(default=0, sa_type=_KEY)
    break_glass: bool = False
    outside_policy: bool = False
    system: str = ""
    target: str = ""
    reviewed_by: str = ""
    ended_at: datetime | None = None
    version: int = 1


class SuccessorRow(SQLModel, table=True):
    """Who takes over what the accounts of a person own, where somebody named another than their manager."""

    __tablename__ = "successor"
    person_id: int = Field(primary_key=True, sa_type=_KEY)
    successor_id: int = Field(sa_type=_KEY)
    named_by: str
    at: datetime


class OwnershipRow(SQLModel, table=True):
    """Who owns a service or shared account from now on, where the source still says otherwise.

    `person_id` is the non-human person, `owner` a key; `feed_owner` is what the source said then: when it says
    something new, the source counts again.
    """

    __tablename__ = "ownership"
    person_id: int = Field(primary_key=True, sa_type=_KEY)
    owner: str
    feed_owner: str = ""
    decided_by: str = ""
    at: datetime
    case_id: int = Field(default=0, sa_type=_KEY)


class FindingRow(SQLModel, table=True):
    """Something that is not as it should be, found in the mirrors. `key` names the same finding in every scan.

    `state` is open, case (a case works on it), excepted, or gone (the last scan no longer found it).
    """

    __tablename__ = "finding"
    __table_args__ = (
        UniqueConstraint("key", name="finding_key"),
        Index("finding_list", "state", "kind", "id"),
        Index("finding_person", "person_id"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=_KEY)
    kind: str
    key: str
    state: str = "open"
    danger: int = 0
    person_id: int = Field(default=0, sa_type=_KEY)
    person_key: str = ""
    person_name: str = ""
    system: str = ""
    account_id: str = ""
    login: str = ""
    target: str = ""
    rule: str = ""
    detail: str = Field(default="", sa_type=Text)
    facts: str = Field(default="{}", sa_type=Text)
    first_seen: datetime
    last_seen: datetime
    gone_at: datetime | None = None
    case_id: int = Field(default=0, sa_type=_KEY)
    exception_id: int = Field(default=0, sa_type=_KEY)
    version: int = 1


class CampaignRow(SQLModel, table=True):
    """An access review under way, or closed. `rule` is the policy's id of it."""

    __tablename__ = "campaign"
    __table_args__ = (Index("campaign_state", "state", "due_at"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=_KEY)
    rule: str
    scope: str
    state: str = "open"
    reviewer: str = ""
    fallback: str = ""
    on_no_answer: str = ""
    opened_at: datetime
    opened_by: str = ""
    due_at: datetime
    closed_at: datetime | None = None
    items: int = 0
    answered: int = 0
    version: int = 1


class ReviewItemRow(SQLModel, table=True):
    """One question of a campaign: should this account keep this? `decision` is "", keep, revoke or unsure."""

    __tablename__ = "review_item"
    __table_args__ = (
        Index("review_item_mine", "campaign_id", "reviewer", "decision", "seq"),
        Index("review_item_person", "person_id"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=_KEY)
    campaign_id: int = Field(sa_type=_KEY)
    seq: int
    reviewer: str = ""
    fallback: str = ""
    person_id: int = Field(default=0, sa_type=_KEY)
    person_key: str = ""
    person_name: str = ""
    department: str = ""
    system: str
    account_id: str
    login: str = ""
    entitlement_id: str = ""
    target: str
    privileged: bool = False
    tier: str = ""
    role: str = ""
    why: str = Field(default="", sa_type=Text)
    last_used: datetime | None = None
    peers: int = 0
    peers_hold: int = 0
    peers_of: str = ""
    decision: str = ""
    decided_by: str = ""
    decided_at: datetime | None = None
    by_default: bool = False
    note: str = Field(default="", sa_type=Text)
    case_id: int = Field(default=0, sa_type=_KEY)
    version: int = 1


class TicketRow(SQLModel, table=True):
    """A case is bound to a ticket of a system, from `bound_at` until `unbound_at`; at most one stands per case.

    `title`, `status` and `url` are what the system said last. `state` is bound, or stopped: then nothing is posted
    before a person looked, and `problem` says why.
    """

    __tablename__ = "ticket"
    __table_args__ = (Index("ticket_case", "case_id", "unbound_at"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=_KEY)
    case_id: int = Field(sa_type=_KEY)
    system: str
    ticket: str
    title: str = Field(default="", sa_type=Text)
    status: str = ""
    url: str = Field(default="", sa_type=Text)
    state: str = "bound"
    problem: str = Field(default="", sa_type=Text)
    bound_by: str
    bound_at: datetime
    unbound_at: datetime | None = None


class TicketMessageRow(SQLModel, table=True):
    """What a ticket is to be told, written with the milestone that it tells: a comment, or a status to move to.

    `key` stands in the comment, so that it is found again. `marks` names the milestones it tells, as JSON; a milestone
    is told once. `state` is waiting, posting (a worker may be in the middle of the call), posted, failed or dropped.
    """

    __tablename__ = "ticket_message"
    __table_args__ = (
        UniqueConstraint("key", name="ticket_message_key"),
        Index("ticket_message_due", "state", "next_at"),
        Index("ticket_message_of", "binding", "id"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=_KEY)
    binding: int = Field(sa_type=_KEY)
    case_id: int = Field(sa_type=_KEY)
    kind: str
    milestone: str
    key: str
    text: str = Field(default="", sa_type=Text)
    marks: str = Field(default="[]", sa_type=Text)
    state: str = "waiting"
    tries: int = 0
    next_at: datetime
    owner: str = ""
    lease_until: datetime | None = None
    error_kind: str = ""
    problem: str = Field(default="", sa_type=Text)
    made_at: datetime
    posted_at: datetime | None = None
