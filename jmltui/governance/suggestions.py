"""What the answers of closed reviews say of the policy; nothing follows of itself."""

from __future__ import annotations

from jmltui.cache import reviews
from jmltui.domain.review import CampaignState, Suggestion, suggest
from jmltui.errors import NotAllowed
from jmltui.lifecycle.workshop import Workshop


def suggestions(workshop: Workshop, campaign_id: int | None = None) -> list[Suggestion]:
    """What one closed campaign suggests, or the newest one of each rule. Raises NotAllowed while it is open."""
    policy = workshop.policy
    grants = {role.id: role.grants for role in policy.roles.values()}
    with workshop.cache.read() as session:
        if campaign_id is not None:
            campaign = reviews.campaign_row(session, campaign_id)
            if campaign.state != CampaignState.CLOSED.value:
                raise NotAllowed(f"Review {campaign_id} is {campaign.state}; it says nothing of the policy yet.")
        numbers = [campaign_id] if campaign_id is not None else reviews.newest_closed(session)
        tallies = [tally for number in numbers for tally in reviews.tallies(session, number)]
    return list(suggest(tallies, grants, policy.by_target))
