"""Plain text as each ticketing system has to be given it, so that no name and no reason becomes markup or a macro."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from typing import Final

_WIKI: Final = re.compile(r"[\\{}\[\]|*_~^+!?#]|(?<!\S)-(?=\S)|(?<!\S)(?:bq|h[1-6])(?=\.)|\([!?/xyni*+-]\)")
_CODE: Final = re.compile(r"\[(?=/?code\])", re.IGNORECASE)


def _plain(text: str) -> str:
    return text


def _html(text: str) -> str:
    """HTML, a line break for each line end (Freshservice's notes)."""
    return html.escape(text).replace("\n", "<br>")


def _wiki(text: str) -> str:
    """Jira's wiki markup, every sign of which a backslash takes the meaning from."""
    return _WIKI.sub(lambda found: f"\\{found[0]}", text)


def _journal(text: str) -> str:
    """A ServiceNow journal field, in which `[code]` begins HTML."""
    return _CODE.sub("[ ", text)


def _liquid(text: str) -> str:
    """Zendesk, which fills in placeholders `{{…}}` and `{%…%}` of a comment."""
    return re.sub(r"\{(?=[{%])", "{ ", text)


_STYLES: Final[Mapping[str, Callable[[str], str]]] = {
    "plain": _plain,
    "html": _html,
    "jira-wiki": _wiki,
    "servicenow-journal": _journal,
    "zendesk": _liquid,
}

STYLES: Final = tuple(_STYLES)
"""How a description may say that comments are written."""


def written(style: str, text: str, key: str) -> str:
    """The comment as it is sent: the text, and below it the key by which it is found again."""
    return _STYLES[style](f"{text}\n\n") + f"Reference {key}"
