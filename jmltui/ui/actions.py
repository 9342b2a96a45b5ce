"""One registry of everything an operator can do: it feeds keys, footer, palette and help.

A screen implements `do_<id>` for each action of its own and may refuse it with a reason (`reason_against`). Disabled
actions stay visible everywhere, with that reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

QUEUE, CASE, WALK, SYSTEMS, JOURNAL = "queue", "case", "walkthrough", "systems", "journal"
EVERYWHERE: Final = (QUEUE, CASE, WALK, SYSTEMS, JOURNAL)


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do. `keys` are the default keys, the first one is shown; `footer` orders the footer, 0 leaves out.

    `command` is the equivalent command line, shown in the help.
    """

    id: str
    title: str
    help: str
    keys: tuple[str, ...]
    screens: tuple[str, ...]
    footer: int = 0
    short: str = ""
    command: str = ""

    @property
    def label(self) -> str:
        """The footer's word for it."""
        return self.short or self.title


ACTIONS: Final[tuple[Action, ...]] = (
    Action("open", "Open", "Open the case or the system under the cursor.", ("enter",), (QUEUE, SYSTEMS, JOURNAL), 1,
           command="jmltui plan CASE"),
    Action("walk", "Walk the checklist", "Go through the case one step at a time.", ("enter", "w"), (CASE,), 1, "Walk"),
    Action("do", "Do this step", "Run the step, or attest it when it is manual.", ("enter",), (WALK,), 1, "Do it",
           "jmltui run CASE --step STEP"),
    Action("next", "Next step", "Show the next step.", ("n", "right"), (WALK,), 2, "Next"),
    Action("previous", "Previous step", "Show the step before.", ("b", "left"), (WALK,), 3, "Back"),
    Action("filter", "Filter", "Narrow the list as you type; Escape clears it.", ("slash",), (QUEUE, JOURNAL), 2,
           command="jmltui cases --filter TEXT"),
    Action("claim", "Claim", "Make the case yours, so that others see who works on it.", ("c",), (QUEUE, CASE, WALK), 3,
           command="jmltui claim CASE"),
    Action("run_next", "Run what is ready", "Let the worker carry out the next step that is ready.", ("r",),
           (QUEUE, CASE), 4, "Run next", "jmltui run CASE"),
    Action("mark", "Mark", "Mark the case for a bulk action.", ("space",), (QUEUE,), 5, command=""),
    Action("mark_all", "Mark all shown", "Mark every case of the filtered list.", ("A",), (QUEUE,)),
    Action("bulk", "Bulk plan", "Preview what running the marked cases would do, then run them.", ("B",), (QUEUE,), 6,
           "Bulk", "jmltui run CASE CASE …"),
    Action("approve", "Approve or refuse", "Decide on the step or batch that waits for an approval.", ("a",),
           (QUEUE, CASE, WALK), 7, "Approve", "jmltui approve CASE"),
    Action("answer", "Answer the question", "Say whether the absent person left or stays.", ("y",), (QUEUE, CASE), 0,
           "Answer", "jmltui answer CASE left|stays"),
    Action("confirm", "Confirm a batch", "Confirm or release the batch of this case by typing its number.", ("f",),
           (QUEUE, CASE), 0, "Confirm", "jmltui confirm BATCH"),
    Action("attest", "Attest", "State what you did or saw yourself.", ("t",), (WALK, CASE), 4,
           command="jmltui attest CASE STEP TEXT"),
    Action("retry", "Try again", "Try again what failed or was contradicted.", ("e",), (WALK, CASE), 0, "Retry",
           "jmltui run CASE --step STEP"),
    Action("skip", "Skip", "Skip the step, with a reason that is kept.", ("s",), (WALK, CASE), 5,
           command="jmltui skip CASE STEP REASON"),
    Action("undo", "Undo", "Plan the way back of this step from what was before.", ("u",), (WALK, CASE), 6,
           command="jmltui undo CASE STEP"),
    Action("note", "Note", "Write a note into the case.", ("m",), (QUEUE, CASE, WALK), 0, "Note",
           "jmltui note CASE TEXT"),
    Action("hand_over", "Hand over", "Give the case to a colleague, with a note.", ("h",), (QUEUE, CASE, WALK), 0,
           "Hand over", "jmltui claim CASE --to LOGIN"),
    Action("replan", "Plan again", "Compute the plan again from what the systems say now.", ("p",), (CASE, WALK), 0,
           "Plan again", "jmltui plan CASE --again"),
    Action("copy", "Copy summary", "Send a summary for the ticket to the terminal's clipboard.", ("y",), (WALK,), 0,
           "Copy"),
    Action("copy_case", "Copy summary", "Send a summary for the ticket to the terminal's clipboard.", ("k",), (CASE,),
           0, "Copy"),
    Action("section", "Next part", "Checklist, difference, journal.", ("tab",), (CASE,), 2, "Part"),
    Action("sync", "Sync now", "Read the sources and systems now.", ("S",), (QUEUE, SYSTEMS), 8, "Sync", "jmltui sync"),
    Action("go_on", "Let it go on", "Let a stopped system go on.", ("g",), (SYSTEMS,), 2, "Go on",
           "jmltui systems --go-on NAME"),
    Action("check", "Check", "Ask the system for its health now; nothing is changed.", ("c",), (SYSTEMS,), 3,
           "Check", "jmltui doctor"),
    Action("verify", "Verify the chain", "Check that no entry of the journal was altered.", ("v",), (JOURNAL,), 2,
           "Verify", "jmltui journal verify"),
    Action("tab", "Next list", "Joiners, movers, leavers, approvals, held, mine, people.", ("tab",), (QUEUE,), 9,
           "List"),
    Action("tab_back", "List before", "The list before.", ("shift+tab",), (QUEUE,)),
    Action("sort", "Sort", "By what is due next, by name, by kind.", ("o",), (QUEUE,)),
    Action("preview", "Preview", "Show or hide the preview of the selected case.", ("v",), (QUEUE,)),
    Action("systems", "Systems", "The systems: health, counts, capabilities.", ("f3", "2"), (QUEUE, CASE, JOURNAL), 10,
           command="jmltui systems"),
    Action("journal", "Journal", "The journal of everything that was done.", ("f4", "3"), (QUEUE, CASE, SYSTEMS), 11,
           command="jmltui journal"),
    Action("palette", "Commands", "Find an action by its name.", ("colon", "ctrl+p"), EVERYWHERE, 12),
    Action("help", "Help", "What the keys of this screen do.", ("question_mark", "f1"), EVERYWHERE, 13),
    Action("back", "Back", "Go back; from the queue it clears the filter.", ("escape",), EVERYWHERE, 0),
    Action("redraw", "Redraw", "Draw the screen anew.", ("ctrl+l",), EVERYWHERE, 0),
    Action("quit", "Quit", "Leave; the worker goes on with what was begun.", ("q", "ctrl+q"), EVERYWHERE, 14),
)  # fmt: skip

BY_ID: Final = {action.id: action for action in ACTIONS}


def of_screen(screen: str) -> Iterable[Action]:
    """The actions of one screen, in registry order."""
    return (action for action in ACTIONS if screen in action.screens)


KEY_NAMES: Final = {
    "enter": "Enter",
    "space": "Space",
    "slash": "/",
    "colon": ":",
    "question_mark": "?",
    "escape": "Esc",
    "tab": "Tab",
    "shift+tab": "S-Tab",
    "right": "→",
    "left": "←",
    "ctrl+p": "^P",
    "ctrl+q": "^Q",
    "ctrl+l": "^L",
    "f1": "F1",
    "f3": "F3",
    "f4": "F4",
}


def key_name(key: str, *, ascii_only: bool = False) -> str:
    """What stands on the keycap."""
    if ascii_only and key in ("left", "right"):
        return key
    return KEY_NAMES.get(key, key)
