"""The options of an AWS system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Final

from jmltui.adapter_api import Invalid, Option, OptionType, Setup

IAM: Final = "iam"
CENTER: Final = "identity-center"
NUMBER_FIELDS: Final = ("NickName", "UserType", "Title")
PRIVILEGED: Final = (
    "AdministratorAccess",
    "IAMFullAccess",
    "AWSOrganizationsFullAccess",
    "AWSSSOMasterAccountAdministrator",
)

OPTIONS: Final = (
    Option("service", OptionType.TEXT, "Whose users these are.", IAM, choices=(IAM, CENTER)),
    Option("access_key_id", OptionType.SECRET, "The access key's id.", required=True),
    Option("secret_access_key", OptionType.SECRET, "The secret access key.", required=True),
    Option("session_token", OptionType.SECRET, "The session token of temporary credentials."),
    Option("role", OptionType.TEXT, "The ARN of a role to assume with these credentials."),
    Option("external_id", OptionType.TEXT, "The external id that the role asks for."),
    Option("region", OptionType.TEXT, "The region; for Identity Center, that of its instance.", "us-east-1"),
    Option("endpoint_url", OptionType.URL, "Another address of all AWS services, as of a private endpoint."),
    Option("instance_arn", OptionType.TEXT, "The Identity Center instance; needed where there are several."),
    Option("number_in", OptionType.TEXT, "The Identity Center field with the person's number.", NUMBER_FIELDS[0],
           choices=NUMBER_FIELDS),
    Option("policies", OptionType.LIST, "ARNs of AWS managed policies to offer though nobody has them yet.", ()),
    Option("privileged", OptionType.LIST, "Further groups, policies and permission sets that are privileged.", ()),
    Option("services", OptionType.LIST, "Patterns of IAM users that belong to services rather than people.", ()),
    Option("settle_seconds", OptionType.NUMBER, "How long a change may take until all of AWS knows it.", 15),
    Option("exchange_seconds", OptionType.NUMBER, "How long one call may take.", 20),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AwsOptions:
    """The options, read. Secrets are never shown."""

    service: str
    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    role: str
    external_id: str
    region: str
    endpoint_url: str
    instance_arn: str
    number_in: str
    policies: tuple[str, ...]
    privileged: tuple[str, ...]
    services: tuple[str, ...]
    seconds: float

    def is_privileged(self, *names: str) -> bool:
        """Whether one of these names is privileged by name alone."""
        return any(name in PRIVILEGED or fits(name, self.privileged) for name in names)

    def kind_of(self, login: str) -> str:
        """Whose an IAM user is."""
        return "service" if fits(login, self.services) else "person"


def settle_of(setup: Setup) -> timedelta:
    """How long a change may take until all of AWS knows it. Raises Invalid.

    IAM and assignments are eventually consistent (IAM User Guide, “Changes that I make are not always immediately
    visible”); what stands behind another `endpoint_url` need not be.
    """
    seconds = float(str(setup.options.get("settle_seconds", 15)))
    if seconds < 0:
        raise Invalid(f"{setup.name}: `settle_seconds` cannot be less than 0.", system=setup.name)
    return timedelta(seconds=seconds)


def fits(name: str, patterns: Sequence[str]) -> bool:
    """Whether the name fits one of the patterns (`*`, `?`)."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def aws_options(setup: Setup) -> AwsOptions:
    """The options of a setup. Opens the secrets: raises SecretError."""
    given = setup.options

    def text(name: str, default: str = "") -> str:
        return str(given.get(name) or default)

    def secret(name: str) -> str:
        return setup.secret(text(name)) if given.get(name) else ""

    return AwsOptions(
        text("service", IAM),
        secret("access_key_id"),
        secret("secret_access_key"),
        secret("session_token"),
        text("role"),
        text("external_id"),
        text("region", "us-east-1"),
        text("endpoint_url"),
        text("instance_arn"),
        text("number_in", NUMBER_FIELDS[0]),
        _many(given, "policies"),
        _many(given, "privileged"),
        _many(given, "services"),
        float(text("exchange_seconds", "20")),
    )


def _many(given: Mapping[str, object], name: str) -> tuple[str, ...]:
    value = given.get(name)
    return tuple(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else ()
