"""How long an account may be unused before it is dormant."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from jmltui.domain.review import parse_scope
from jmltui.policy import Policy

DORMANT_AFTER: Final = timedelta(days=45)
"""How long an account may be unused where no review of the policy says so: the 45 days of CIS control 5.3."""


def dormant_after(policy: Policy) -> timedelta:
    """How long an account may be unused: what the strictest review of unused accounts says."""
    stated = [parse_scope(rule.scope).unused for rule in policy.definitions.reviews.values()]
    return min((unused for unused in stated if unused is not None), default=DORMANT_AFTER)
