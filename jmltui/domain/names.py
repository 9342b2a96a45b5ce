"""Names: folding for comparison, and warnings about look-alikes. Names only ever *propose* a link."""

from __future__ import annotations

import unicodedata

_CONFUSABLE = str.maketrans(
    # Cyrillic
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u04bb\u0501\u051b\u0455\u051d\u04cf\u0432\u043a\u043c\u043d\u0442"
    # Greek, and the i without a dot
    "\u03bf\u03b1\u03c1\u03bd\u03b9\u03ba\u03c4\u03c5\u03c7\u03b2\u03b5\u03b6\u03bc\u0131",
    "aeopcyxijhdqswlbkmhtoapviktuxbezmi",
)
"""Look-alikes by their small letters, also those that only look alike as capitals."""


def fold(name: str) -> str:
    """A name for comparison: compatibility form, no case, no accents, single spaces."""
    text = unicodedata.normalize("NFKD", name).casefold()
    text = "".join(c for c in text if not unicodedata.combining(c))
    return " ".join(text.split())


def skeleton(name: str) -> str:
    """The folded name with the commonest Cyrillic and Greek look-alikes replaced by their Latin twins."""
    return fold(name).translate(_CONFUSABLE)


def scripts(name: str) -> frozenset[str]:
    """The scripts of the letters of a name, by the first word of their Unicode names."""
    return frozenset(unicodedata.name(c, "UNKNOWN").split()[0] for c in name if c.isalpha())


def is_mixed_script(name: str) -> bool:
    """Whether one word of a name mixes Latin with a script that looks like it."""
    risky = {"LATIN", "CYRILLIC", "GREEK"}
    return any(len(scripts(word) & risky) > 1 for word in name.split())
