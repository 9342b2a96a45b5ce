"""How SCIM differs from one provider to the next, as data: nothing else in this package names a provider.

Each entry says where its facts are from. A provider that is not here is `generic`: what RFC 7643 and RFC 7644 say, with
the ladders that found their way on every server tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SCIM_ONLY: Final = "application/scim+json"
EITHER: Final = "application/scim+json, application/json"
BASIC: Final = "basic"
BODY: Final = "body"
CLIENT_AUTH: Final = (BASIC, BODY)
"""How a client says its secret where it gets tokens (RFC 6749 section 2.3.1)."""


class Way(StrEnum):
    """How members are taken out of a group (RFC 7644 section 3.5.2.2), the forms in the order they are tried.

    WHOLE is for servers that take no PATCH, and then also how members are added.
    """

    FILTER = "members[value eq …]"
    VALUES = "members with a list of values"
    OTHERS = "replace by all others"
    WHOLE = "PUT of the whole group"


class Deletion(StrEnum):
    """What DELETE of a user does."""

    REMOVES = "removes"
    UNLINKS = "deactivates the account and forgets its id"
    DEACTIVATES = "deactivates"


@dataclass(frozen=True, slots=True)
class Profile:
    """One provider. `most` is the largest page that it gives; `changes` how many members one PATCH may change.

    `membership` asks for one membership where groups do not list their members, `groups_of` for all groups of a user:
    filters with {group} and {user}. `pages_by_cursor` although it need not announce it. `selects`: it takes the
    parameter `attributes`. `filters`: it finds users by `userName eq`. `whole_by_id`: a listing leaves out what a read
    of the single user has. `disabling_ends`: an account that is disabled is gone, and cannot be brought back.
    `bare`: PATCH of a user wants its values without a path. `token_url` is where OAuth tokens are given, by
    `grant_type` and `scope`; `token_parameters` are what has to be told there. `limits` are told to the operator; the
    worker keeps to `rate_per_second` of the settings and to every Retry-After.
    """

    name: str
    facts: tuple[str, ...]
    most: int = 1000
    changes: int = 200
    groups: bool = True
    filters: bool = True
    membership: str = ""
    groups_of: str = ""
    removal: tuple[Way, ...] = (Way.FILTER, Way.VALUES, Way.OTHERS, Way.WHOLE)
    pages_by_cursor: bool = False
    selects: bool = True
    whole_by_id: bool = False
    bare: bool = False
    disabling_ends: bool = False
    deletion: Deletion = Deletion.REMOVES
    accept: str = EITHER
    token_url: str = ""
    grant_type: str = "client_credentials"
    scope: str = ""
    token_parameters: tuple[str, ...] = ()
    limits: str = ""


_ALL: Final = (
    Profile("generic", ("RFC 7643, RFC 7644, RFC 9865",)),
    Profile(
        "aws-identity-center",
        (
            "https://docs.aws.amazon.com/singlesignon/latest/developerguide/listusers.html: at most 100 a page, "
            "by cursor only; startIndex, attributes and excludedAttributes are not supported",
            "https://docs.aws.amazon.com/singlesignon/latest/developerguide/listgroups.html: GetGroup and ListGroups "
            "return an empty member list; filters are displayName, externalId, members.value, id and members, with eq",
            "https://docs.aws.amazon.com/singlesignon/latest/developerguide/patchgroup.html: at most 100 changes of "
            "members in one request; replacing or removing all of them is refused",
        ),
        most=100,
        changes=100,
        membership="id eq {group} and members eq {user}",
        groups_of="members.value eq {user}",
        removal=(Way.VALUES,),
        pages_by_cursor=True,
        selects=False,
    ),
    Profile(
        "github-organization",
        (
            "https://docs.github.com/enterprise-cloud@latest/rest/scim/scim: paths are case-sensitive; paths with "
            "filters are refused in PATCH; active false removes the user from the organization and deletes the SCIM id",
        ),
        most=100,
        groups=False,
        bare=True,
        disabling_ends=True,
    ),
    Profile(
        "github-enterprise",
        (
            "https://docs.github.com/enterprise-cloud@latest/rest/enterprise-admin/scim: active false suspends the "
            "managed user (soft deprovisioning), DELETE suspends it for good (hard deprovisioning)",
        ),
        most=100,
        removal=(Way.VALUES, Way.FILTER),
        deletion=Deletion.UNLINKS,
    ),
    Profile(
        "slack",
        (
            "https://docs.slack.dev/reference/scim-api/rate-limits: limits are shared by all SCIM apps of the company",
            "https://docs.slack.dev/reference/scim-api: at most 1,000 a page, 10 unless asked; DELETE deactivates",
        ),
        deletion=Deletion.DEACTIVATES,
        limits="per minute 600 writes, 180 writes of users in bursts of 20, 300 reads of single users",
    ),
    Profile(
        "atlassian",
        (
            "https://support.atlassian.com/atlassian-cloud/kb/how-to-filter-users-in-provisioning-scim-using-rest-api: "
            "filters are userName eq and externalId eq",
            "https://developer.atlassian.com/cloud/admin/user-provisioning/rest/: DELETE unlinks the user from the "
            "directory, deactivates a managed account, and no later request finds the id",
        ),
        deletion=Deletion.UNLINKS,
    ),
    Profile(
        "zoom",
        (
            "https://developers.zoom.us/docs/api/rest/scim-api/: Accept must be application/scim+json",
            "https://devforum.zoom.us/t/111286: a listing leaves out licences, manager and cost centre",
            "https://developers.zoom.us/docs/internal-apps/s2s-oauth/: the tokens of a server-to-server app last an "
            "hour; https://developers.zoom.us/docs/rooms/oauth/: they are given for client id and secret as HTTP "
            "Basic, and grant_type=account_credentials with account_id in the query or the body",
        ),
        whole_by_id=True,
        accept=SCIM_ONLY,
        token_url="https://zoom.us/oauth/token",  # noqa: S106  # an address
        grant_type="account_credentials",
        token_parameters=("account_id",),
    ),
    Profile(
        "miro",
        (
            "https://developers.miro.com/reference/rate-limits: per 30 seconds 5 changes of groups above 500 bytes and "
            "100 below, so few members are changed at once; 413 above 8,000 members",
        ),
        changes=5,
        limits="per 30 seconds 20 deletions, 100 changes of users, 5 listings of groups, 20 reads of single groups",
    ),
    Profile(
        "terraform",
        (
            "https://developer.hashicorp.com/terraform/cloud-docs/api-docs/scim/users: count is capped at 200; filters "
            "are userName eq and externalId eq",
        ),
        most=200,
    ),
    Profile(
        "databricks",
        (
            "https://docs.databricks.com/aws/en/reference/scim-2-1: a filter has at most 200 nodes; ours have three",
            "https://docs.databricks.com/aws/en/dev-tools/auth/oauth-m2m: a service principal's tokens last an hour, "
            "are of the scope all-apis and given at /oidc/v1/token of the workspace",
        ),
        most=100,
        scope="all-apis",
    ),
)

PROFILES: Final[Mapping[str, Profile]] = {profile.name: profile for profile in _ALL}
"""Every profile by the name that settings use."""
