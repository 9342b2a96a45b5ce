"""Every key of every screen, once: the keys, the bottom line, the palette and the help are all made of this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a screen can do. `name` is the method `do_<name>`; `command` does the same without the screen."""

    name: str
    keys: str
    label: str
    help: str
    command: str = ""
    footer: bool = False

    @property
    def key(self) -> str:
        """The first key as people write it."""
        first = self.keys.split(",")[0]
        return KEY_NAMES.get(first, first)


KEY_NAMES: Final = {
    "question_mark": "?",
    "slash": "/",
    "escape": "Esc",
    "enter": "Enter",
    "space": "Space",
    "tab": "Tab",
    "asterisk": "*",
    "colon": ":",
    "ctrl+p": "^p",
    "ctrl+l": "^l",
    "left": "Left",
    "right": "Right",
}

PLACES: Final = (
    Action("queue", "1", "Queue", "go to the queue of pending cases", "jmltui cases"),
    Action("people", "2", "People", "go to the people and what each holds", "jmltui person PERSON"),
    Action("systems", "3", "Systems", "go to the systems: health, counts, what can be proved", "jmltui systems"),
    Action("journal", "4", "Journal", "go to the journal of everything that was done", "jmltui journal"),
    Action("findings", "5", "Findings", "go to what is not as it should be", "jmltui findings"),
    Action("reviews", "6", "Reviews", "go to the access reviews and their items", "jmltui reviews"),
    Action("requests", "7", "Requests", "go to what was asked for, and what ends when", "jmltui request list"),
)

EVERYWHERE: Final = (
    Action("help", "question_mark", "Help", "show every key of this screen", footer=True),
    Action("palette", "ctrl+p,colon", "Commands", "find an action by typing its name"),
    Action("redraw", "ctrl+l", "Redraw", "draw the whole screen again"),
    Action("leave", "q,escape", "Back", "go back to the screen before", footer=True),
)

QUEUE: Final = (
    Action("open", "enter", "Open", "open the case", "jmltui plan CASE", footer=True),
    Action("filter", "slash", "Filter", "filter by name, number or department as you type", footer=True),
    Action(
        "next_view",
        "right,v",
        "View",
        "next view: all, joiners, movers, leavers, requests, approvals, ...",
        footer=True,
    ),
    Action("previous_view", "left,V", "View back", "previous view"),
    Action("order", "o", "Order", "order by due time, name, danger or age"),
    Action("choose", "space", "Choose", "choose this case for bulk work", footer=True),
    Action("choose_all", "asterisk", "Choose all", "choose every case of this list, or none"),
    Action("run", "r", "Run", "preview and run the chosen cases, or this one", "jmltui run CASE", footer=True),
    Action("claim", "c", "Claim", "take the chosen cases, or this one", "jmltui claim CASE"),
    Action("hand_over", "h", "Hand over", "give the case to somebody else", "jmltui claim CASE --to LOGIN"),
    Action("note", "n", "Note", "write a note into the case", "jmltui note CASE TEXT"),
    Action("batches", "b", "Batches", "look at batches that wait for a person", "jmltui confirm", footer=True),
    Action("sync", "S", "Sync", "read the sources and systems now", "jmltui sync"),
    Action("leave", "q,escape", "Leave", "leave; the worker goes on (Esc clears filter and choice)", footer=True),
)

CASE: Final = (
    Action("walk", "enter,w", "Walk", "walk through the steps from this one on", footer=True),
    Action(
        "run_step", "r", "Run step", "let the worker carry out this step", "jmltui run CASE --step STEP", footer=True
    ),
    Action("run_case", "R", "Run all", "let the worker carry out every automatic step", "jmltui run CASE", footer=True),
    Action("approve", "a", "Approve", "approve this step's plan", "jmltui approve CASE STEP", footer=True),
    Action("refuse", "x", "Refuse", "refuse this step's plan, with a reason", "jmltui approve CASE STEP --refuse"),
    Action(
        "attest",
        "t",
        "Attest",
        "state that a step was done, or what you saw",
        "jmltui attest CASE STEP TEXT",
        footer=True,
    ),
    Action("skip", "s", "Skip", "leave this step out, with a reason", "jmltui skip CASE STEP REASON"),
    Action("undo", "u", "Undo", "plan the way back of a step that is done", "jmltui undo CASE STEP"),
    Action(
        "answer", "A", "Answer", "answer a question: did this person leave or stay?", "jmltui answer CASE left|stays"
    ),
    Action("replan", "P", "Plan anew", "plan this case anew; what is done stays done", "jmltui replan CASE"),
    Action("next_pane", "tab", "Pane", "next pane: checklist, access, journal", footer=True),
    Action("previous_pane", "shift+tab", "Pane back", "previous pane"),
    Action("explain", "e", "Explain", "why a line of the access is due or is not", "jmltui explain PERSON ENTITLEMENT"),
    Action(
        "overlap",
        "O",
        "Overlap",
        "let a mover keep the old access until a day",
        "jmltui request overlap CASE --until DAY --reason TEXT",
    ),
    Action(
        "separation",
        "B",
        "Break rule",
        "ask that a separation rule may be broken which blocks the line of the access",
        "jmltui request separation PERSON RULE --until DAY --reason TEXT",
    ),
    Action("claim", "c", "Claim", "take this case", "jmltui claim CASE"),
    Action("hand_over", "h", "Hand over", "give this case to somebody else", "jmltui claim CASE --to LOGIN"),
    Action(
        "successor",
        "H",
        "Successor",
        "name who takes over mailbox and files of a leaver",
        "jmltui successor PERSON SUCCESSOR",
    ),
    Action("note", "n", "Note", "write a note into this case", "jmltui note CASE TEXT", footer=True),
    Action("copy", "y", "Copy", "copy a summary for the ticket", "jmltui plan CASE"),
    Action(
        "ticket",
        "T",
        "Ticket",
        "bind this case to a ticket, or tell a bound one again",
        "jmltui ticket bind CASE SYSTEM:ID",
    ),
)

WALKTHROUGH: Final = (
    Action("next_step", "right,n", "Next", "next step", footer=True),
    Action("previous_step", "left,p", "Previous", "previous step", footer=True),
    Action("run_step", "r", "Run", "let the worker carry out this step", "jmltui run CASE --step STEP", footer=True),
    Action("approve", "a", "Approve", "approve this step's plan", "jmltui approve CASE STEP", footer=True),
    Action("refuse", "x", "Refuse", "refuse this step's plan, with a reason", "jmltui approve CASE STEP --refuse"),
    Action(
        "attest",
        "t",
        "Attest",
        "state that the step was done, or what you saw",
        "jmltui attest CASE STEP TEXT",
        footer=True,
    ),
    Action("skip", "s", "Skip", "leave this step out, with a reason", "jmltui skip CASE STEP REASON", footer=True),
    Action("undo", "u", "Undo", "plan the way back of a step that is done", "jmltui undo CASE STEP"),
)

PEOPLE: Final = (
    Action("open", "enter", "Open", "show the person: access and why, cases", "jmltui person PERSON", footer=True),
    Action("filter", "slash", "Filter", "filter by name, number, department, e-mail or title as you type", footer=True),
    Action(
        "ask",
        "R",
        "Ask",
        "ask for access for this person",
        "jmltui request access PERSON ENTITLEMENT --reason TEXT",
        footer=True,
    ),
)

PERSON: Final = (
    Action(
        "open", "enter", "Open", "open the case, finding or person under the cursor", "jmltui plan CASE", footer=True
    ),
    Action("next_pane", "tab", "Pane", "next pane: access, sources where several, explain, history, ...", footer=True),
    Action("previous_pane", "shift+tab", "Pane back", "previous pane"),
    Action(
        "explain",
        "x",
        "Explain",
        "why the access under the cursor is due or is not",
        "jmltui explain PERSON ENTITLEMENT",
        footer=True,
    ),
    Action(
        "ask",
        "R",
        "Ask",
        "ask for access for this person",
        "jmltui request access PERSON ENTITLEMENT --reason TEXT",
        footer=True,
    ),
    Action(
        "emergency",
        "E",
        "Emergency",
        "take access at once in an emergency",
        "jmltui request emergency PERSON ENTITLEMENT --reason TEXT",
        footer=True,
    ),
    Action(
        "end",
        "e",
        "End",
        "end the exception under the cursor now",
        "jmltui request end NUMBER --reason TEXT",
        footer=True,
    ),
)

ASK: Final = (
    Action(
        "ask",
        "enter",
        "Ask",
        "ask for what is under the cursor",
        "jmltui request access PERSON ENTITLEMENT --reason TEXT",
        footer=True,
    ),
    Action(
        "emergency",
        "E",
        "Emergency",
        "take what is under the cursor at once",
        "jmltui request emergency PERSON ENTITLEMENT --reason TEXT",
        footer=True,
    ),
    Action(
        "filter",
        "slash",
        "Filter",
        "filter by what it is called as you type",
        "jmltui request what PERSON",
        footer=True,
    ),
    Action(
        "separation",
        "B",
        "Break rule",
        "ask that the separation rule may be broken which stands in the way",
        "jmltui request separation PERSON RULE --until DAY --reason TEXT",
    ),
)

FINDINGS: Final = (
    Action("open", "enter", "Show", "show the finding whole", "jmltui findings show FINDING", footer=True),
    Action("filter", "slash", "Filter", "filter by who, system, what and kind as you type", footer=True),
    Action("next_view", "right,v", "View", "next view: all open, each kind, to approve, accepted", footer=True),
    Action("previous_view", "left,V", "View back", "previous view"),
    Action(
        "case",
        "c",
        "Case",
        "open a case for the chosen findings, or this one",
        "jmltui findings case FINDING",
        footer=True,
    ),
    Action(
        "accept",
        "e",
        "Accept",
        "accept this finding until a day; somebody else agrees",
        "jmltui findings accept FINDING --until DAY --reason TEXT",
        footer=True,
    ),
    Action("approve", "a", "Approve", "agree that this finding is accepted", "jmltui findings approve FINDING"),
    Action("refuse", "x", "Refuse", "refuse that it is accepted, with a reason", "jmltui findings refuse FINDING"),
    Action("link", "l", "Link", "say whose this account is", "jmltui findings link FINDING PERSON", footer=True),
    Action("go_case", "o", "Its case", "open the case that works on this finding", "jmltui plan CASE"),
    Action("go_person", "p", "Person", "show the person that this finding is about", "jmltui person PERSON"),
    Action("choose", "space", "Choose", "choose this finding for bulk work"),
    Action("choose_all", "asterisk", "Choose all", "choose every finding of this list, or none"),
    Action("scan", "S", "Scan", "look for findings now", "jmltui findings --scan", footer=True),
)

REVIEWS: Final = (
    Action("open", "enter", "Items", "answer the items of this review", "jmltui reviews items REVIEW", footer=True),
    Action("new", "o", "Open one", "open a review by a rule of the policy", "jmltui reviews open RULE", footer=True),
    Action(
        "close", "C", "Close", "close this review; says first what happens", "jmltui reviews close REVIEW", footer=True
    ),
    Action(
        "suggestions",
        "s",
        "Suggestions",
        "what the answers say of the policy",
        "jmltui reviews suggestions",
        footer=True,
    ),
)

ITEMS: Final = (
    Action("keep", "k", "Keep", "it stays; then the next item", "jmltui reviews answer ITEM keep", footer=True),
    Action(
        "revoke",
        "r",
        "Revoke",
        "it is to be taken away; then the next item",
        "jmltui reviews answer ITEM revoke",
        footer=True,
    ),
    Action(
        "unsure",
        "u",
        "Unsure",
        "somebody else has to say; then the next item",
        "jmltui reviews answer ITEM unsure",
        footer=True,
    ),
    Action(
        "note",
        "n",
        "Note",
        "write why; it goes with your answer",
        "jmltui reviews answer ITEM keep --note TEXT",
        footer=True,
    ),
    Action("filter", "slash", "Filter", "filter by person, system, what is held and reviewer as you type"),
    Action("next_view", "right,v", "View", "next view: mine, unanswered, unsure, revoke, answered, all", footer=True),
    Action("previous_view", "left,V", "View back", "previous view"),
    Action("go_person", "p", "Person", "show the person", "jmltui person PERSON"),
    Action("go_case", "enter", "Its case", "open the case that takes it away", "jmltui plan CASE"),
    Action("close", "C", "Close", "close this review; says first what happens", "jmltui reviews close REVIEW"),
    Action("suggestions", "s", "Suggestions", "what the answers say of the policy", "jmltui reviews suggestions"),
)

REQUESTS: Final = (
    Action("open", "enter", "Open", "open its case, or the finding that is accepted", "jmltui plan CASE", footer=True),
    Action("filter", "slash", "Filter", "filter by person, what, reason and who asked as you type", footer=True),
    Action("next_view", "right,v", "View", "next view: waiting, active, emergency, asked by me, ended", footer=True),
    Action("previous_view", "left,V", "View back", "previous view"),
    Action(
        "ask",
        "R",
        "Ask",
        "ask for access for a person",
        "jmltui request access PERSON ENTITLEMENT --reason TEXT",
        footer=True,
    ),
    Action("end", "e", "End", "end this now, with a reason", "jmltui request end NUMBER --reason TEXT", footer=True),
    Action(
        "review",
        "b",
        "Look back",
        "review an emergency access: write what was done with it, and whether that was right",
        "jmltui request review NUMBER TEXT",
        footer=True,
    ),
    Action("go_person", "p", "Person", "show the person", "jmltui person PERSON"),
)

SYSTEMS: Final = (
    Action("sync", "S", "Sync", "read the sources and systems now", "jmltui sync", footer=True),
    Action("go_on", "g", "Go on", "let a stopped system go on", "jmltui systems --go-on NAME", footer=True),
)

JOURNAL: Final = (
    Action("open", "enter", "Open case", "open the case of the entry", "jmltui plan CASE", footer=True),
    Action("filter", "slash", "Filter", "filter by who and what as you type", footer=True),
    Action("verify", "v", "Verify", "verify the chain of the whole journal", "jmltui journal verify", footer=True),
)

BULK: Final = (Action("run", "r,enter", "Run", "run every case that can be run", "jmltui run CASE", footer=True),)

BATCHES: Final = (
    Action(
        "confirm",
        "enter",
        "Confirm",
        "confirm the batch by typing its number of people",
        "jmltui confirm BATCH",
        footer=True,
    ),
    Action(
        "dismiss",
        "d",
        "Dismiss",
        "drop every case of the batch, with a reason",
        "jmltui confirm BATCH --dismiss --reason TEXT",
        footer=True,
    ),
)


def unique_keys(actions: tuple[Action, ...]) -> dict[str, Action]:
    """Every key with its action. Raises ValueError where two actions of a screen want the same key."""
    found: dict[str, Action] = {}
    for action in actions:
        for key in action.keys.split(","):
            if key in found:
                raise ValueError(f"“{key}” is both {found[key].name} and {action.name}")
            found[key] = action
    return found
