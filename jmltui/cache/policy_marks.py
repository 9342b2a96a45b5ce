"""What the cache keeps of policies, by the names of the facts: read by who shows, written by who works by them."""

from __future__ import annotations

from typing import Final

IN_FORCE: Final = "policy in force"
"""The policy that a worker took over last: its hash, the name of its folder and its files, as JSON."""

ACCEPTED: Final = "accepted policy"
"""The hash of a policy that somebody let be taken over, whatever the guard says."""

HELD: Final = "held policy"
"""The hash of a policy that the guard for removals holds."""
