"""The AWS adapter: one account's IAM users, or one Identity Center instance."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from jmltui.adapter_api import (
    Account,
    Capabilities,
    Credential,
    Entitlement,
    Evidence,
    Grant,
    Option,
    Page,
    Query,
    Receipt,
    Session,
    Setup,
    Step,
    Unavailable,
    Unsupported,
)

from .options import CENTER, OPTIONS, aws_options, settle_of

if TYPE_CHECKING:
    from .link import AwsLink
    from .services import CenterService, IamService


class AwsAdapter:
    """IAM or Identity Center, as the option `service` says."""

    kind: ClassVar[str] = "aws"
    EXERCISED_AGAINST: ClassVar[str] = "moto 5.2, which is more lenient than AWS; refusals of AWS by a proxy before it"
    OPTIONS: ClassVar[tuple[Option, ...]] = OPTIONS

    def __init__(self, setup: Setup) -> None:
        self.name = setup.name
        self._setup = setup
        self._settle = settle_of(setup)
        self._is_center = setup.options.get("service") == CENTER
        self._link: AwsLink | None = None
        self._own = ""
        self._parts: IamService | CenterService | None = None

    # ---- life

    def capabilities(self) -> Capabilities:
        """What the service offers, all of it read back."""
        from .services import CENTER_OFFERS, IAM_OFFERS

        offers = CENTER_OFFERS if self._is_center else IAM_OFFERS
        return {cap: replace(one, settle=self._settle) if one.settle else one for cap, one in offers.items()}

    async def open(self) -> None:
        """See who jmltui is there and that users may be read.

        Raises AuthFailed, Forbidden, Unavailable, Unsupported without boto3.
        """
        if self._parts is not None:
            return
        from .link import AwsLink
        from .services import CenterService, IamService, instance_of

        link = AwsLink(self.name, aws_options(self._setup), self._setup.clock)
        try:
            self._own = str((await link.read("sts", "GetCallerIdentity")).get("Arn") or "")
            if not self._own:
                raise link.broken("GetCallerIdentity was answered without an ARN")
            parts = CenterService(link, await instance_of(link)) if self._is_center else IamService(link, self._own)
            await parts.check()
        except BaseException:
            await link.close()
            raise
        self._link, self._parts = link, parts

    async def close(self) -> None:
        """Let go of connections."""
        link, self._link, self._parts = self._link, None, None
        if link is not None:
            await link.close()

    async def check(self) -> Mapping[str, str]:
        """Reachable, authenticated as whom, and what the service does not offer."""
        facts = await self._service.check()
        return {"reachable": "yes", "authenticated": f"as {self._own}", **facts}

    # ---- reading

    async def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        """All users."""
        async for page in self._service.accounts(query):
            yield page

    async def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """Groups and policies of IAM; groups and permission sets by account of Identity Center."""
        async for page in self._service.entitlements(query):
            yield page

    async def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """All that is held, through groups too."""
        async for page in self._service.grants(query):
            yield page

    async def read(self, account_id: str) -> Account:
        """One user. Raises NotFound."""
        return await self._service.read(account_id)

    async def find(self, login: str) -> Account | None:
        """The user of exactly this name."""
        return await self._service.find(login)

    async def grants_of(self, account_id: str) -> Sequence[Grant]:
        """What one user holds."""
        return await self._service.grants_of(account_id)

    async def credentials(self, account_id: str) -> Sequence[Credential]:
        """Password, access keys, certificates, SSH keys, service passwords and second factors of an IAM user."""
        return await self._service.credentials(account_id)

    # ---- writing

    async def create(self, wanted: Account, *, key: str) -> tuple[Account, Receipt]:
        """Make the user exist, without any credential. Raises Conflict for somebody else's name."""
        return await self._service.create(wanted)

    async def update(self, account_id: str, changes: Mapping[str, object], *, if_version: str | None = None) -> Receipt:
        """Make these so. AWS gives users no version to compare."""
        return await self._service.update(account_id, changes)

    async def enable(self, account_id: str) -> Receipt:
        """Take a disable of jmltui back."""
        return await self._service.enable(account_id)

    async def disable(self, account_id: str) -> Receipt:
        """Refuse the user everything."""
        return await self._service.disable(account_id)

    async def delete(self, account_id: str) -> Receipt:
        """Make the user not exist."""
        return await self._service.delete(account_id)

    async def grant(self, account_id: str, entitlement_id: str, *, expires: datetime | None = None) -> Receipt:
        """Make the user hold a group, policy or permission set."""
        if expires is not None:
            raise Unsupported(f"What {self.name} grants cannot end by itself.", system=self.name)
        return await self._service.set(account_id, entitlement_id, True)

    async def revoke(self, account_id: str, entitlement_id: str) -> Receipt:
        """Make the user not hold it."""
        return await self._service.set(account_id, entitlement_id, False)

    async def sessions(self, account_id: str) -> Sequence[Session]:
        """AWS lists no sessions."""
        raise Unsupported(f"AWS ({self.name}) does not list sessions.", system=self.name)

    async def end_sessions(self, account_id: str, session_id: str | None = None) -> Receipt:
        """Refuse all that was signed in before now; single sessions have no id there."""
        if session_id is not None:
            raise Unsupported(f"AWS ({self.name}) does not end single sessions.", system=self.name)
        return await self._service.end_sessions(account_id)

    async def revoke_credential(self, account_id: str, credential_id: str | None = None) -> Receipt:
        """Delete one credential, or all."""
        return await self._service.revoke_credential(account_id, credential_id)

    # ---- proof

    async def verify(self, step: Step) -> Evidence:
        """Read the effect back."""
        return await self._service.verify(step)

    @property
    def _service(self) -> IamService | CenterService:
        if self._parts is None:
            raise Unavailable(f"{self.name} is not open.", system=self.name)
        return self._parts
