"""The two services behind one face: IAM users, and users of IAM Identity Center."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

from jmltui.adapter_api import (
    Account,
    Cap,
    Capabilities,
    ContractBroken,
    Credential,
    Entitlement,
    Evidence,
    Grant,
    Invalid,
    Page,
    Proof,
    Query,
    Receipt,
    Step,
    Support,
    Unsupported,
)

from .center_proof import CenterProof, first_page
from .center_reading import CenterReading, Instance
from .center_writing import CenterWriting
from .iam_credentials import IamCredentials
from .iam_proof import IamProof
from .iam_reading import IamReading
from .iam_writing import IamWriting
from .link import AwsLink

SPREADS: Final = timedelta(seconds=15)
"""How long a change may take until all of AWS knows it, unless the option `settle_seconds` says otherwise."""

_READ: Final = Support(Proof.READ_BACK, reversible=True)
_CHANGE: Final = Support(Proof.READ_BACK, True, SPREADS)
_READS: Final = dict.fromkeys((Cap.LIST_ACCOUNTS, Cap.LIST_ENTITLEMENTS, Cap.LIST_GRANTS, Cap.FIND), _READ)

IAM_OFFERS: Final[Capabilities] = {
    **_READS,
    Cap.LIST_CREDENTIALS: _READ,
    **dict.fromkeys((Cap.CREATE, Cap.UPDATE, Cap.GRANT, Cap.REVOKE), _CHANGE),
    Cap.DISABLE: Support(Proof.READ_BACK, True, SPREADS, "The console password is deleted; an enable gives none."),
    Cap.ENABLE: Support(Proof.READ_BACK, True, SPREADS, "The console password has to be set anew."),
    Cap.DELETE: Support(Proof.READ_BACK, False, SPREADS, "Keys, devices and memberships go with it."),
    Cap.REVOKE_CREDENTIALS: Support(Proof.READ_BACK, False, SPREADS, "What is revoked is deleted."),
    Cap.END_SESSIONS: Support(
        Proof.READ_BACK, False, SPREADS, "Earlier sessions are refused, not listed; sessions of assumed roles go on."
    ),
}
CENTER_OFFERS: Final[Capabilities] = {
    **_READS,
    **dict.fromkeys((Cap.CREATE, Cap.GRANT, Cap.REVOKE), _CHANGE),
    Cap.DELETE: Support(
        Proof.READ_BACK, False, SPREADS, "Sessions in accounts last as long as the permission set allows."
    ),
}


class IamService:
    """The users of one AWS account."""

    offers: Capabilities = IAM_OFFERS

    def __init__(self, link: AwsLink, own: str) -> None:
        self._reading = IamReading(link)
        self._credentials = IamCredentials(link, self._reading)
        self._writing = IamWriting(link, self._reading, self._credentials, own)
        self._proof = IamProof(self._reading, self._credentials)
        self._link = link

    async def check(self) -> Mapping[str, str]:
        """What the account says of itself. Raises AdapterError."""
        answer = await self._link.read("iam", "ListUsers", MaxItems=1)
        if "Users" not in answer:
            raise self._link.broken("ListUsers was answered without users")
        return {"users": "readable", "live sessions": "not listed by AWS"}

    def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        return self._reading.accounts(query)

    def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        return self._reading.entitlements(query)

    def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        return self._reading.grants(query)

    async def read(self, account_id: str) -> Account:
        return await self._reading.read(account_id)

    async def find(self, login: str) -> Account | None:
        return await self._reading.find(login)

    async def grants_of(self, account_id: str) -> Sequence[Grant]:
        return await self._reading.grants_of(account_id)

    async def create(self, wanted: Account) -> tuple[Account, Receipt]:
        return await self._writing.create(wanted)

    async def update(self, account_id: str, changes: Mapping[str, object]) -> Receipt:
        return await self._writing.update(account_id, changes)

    async def enable(self, account_id: str) -> Receipt:
        return await self._writing.enable(account_id)

    async def disable(self, account_id: str) -> Receipt:
        return await self._writing.disable(account_id)

    async def delete(self, account_id: str) -> Receipt:
        return await self._writing.delete(account_id)

    async def set(self, account_id: str, entitlement_id: str, held: bool) -> Receipt:
        return await self._writing.set(account_id, entitlement_id, held)

    async def end_sessions(self, account_id: str) -> Receipt:
        return await self._writing.end_sessions(account_id)

    async def credentials(self, account_id: str) -> Sequence[Credential]:
        return await self._credentials.credentials(account_id)

    async def revoke_credential(self, account_id: str, credential_id: str | None) -> Receipt:
        return await self._writing.revoke_credential(account_id, credential_id)

    async def verify(self, step: Step) -> Evidence:
        return await self._proof.verify(step)


class CenterService:
    """The users of one Identity Center instance. Its interface has no disable: what a leaver holds is taken away."""

    offers: Capabilities = CENTER_OFFERS

    def __init__(self, link: AwsLink, instance: Instance) -> None:
        self._reading = CenterReading(link, instance)
        self._writing = CenterWriting(link, self._reading)
        self._proof = CenterProof(self._reading)
        self._link, self._instance = link, instance

    async def check(self) -> Mapping[str, str]:
        """What the instance says of itself. Raises AdapterError."""
        await first_page(self._reading)
        return {
            "instance": self._instance.arn,
            "users": "readable",
            "disable": "not in the interface: assignments and memberships are revoked",
            "live sessions": "not listed by AWS",
        }

    def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        return self._reading.accounts(query)

    def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        return self._reading.entitlements(query)

    def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        return self._reading.grants(query)

    async def read(self, account_id: str) -> Account:
        return await self._reading.read(account_id)

    async def find(self, login: str) -> Account | None:
        return await self._reading.find(login)

    async def grants_of(self, account_id: str) -> Sequence[Grant]:
        return await self._reading.grants_of(account_id)

    async def create(self, wanted: Account) -> tuple[Account, Receipt]:
        return await self._writing.create(wanted)

    async def update(self, account_id: str, changes: Mapping[str, object]) -> Receipt:
        raise self._refused("changing a user")

    async def enable(self, account_id: str) -> Receipt:
        raise self._refused("enabling a user")

    async def disable(self, account_id: str) -> Receipt:
        raise self._refused("disabling a user")

    async def delete(self, account_id: str) -> Receipt:
        return await self._writing.delete(account_id)

    async def set(self, account_id: str, entitlement_id: str, held: bool) -> Receipt:
        return await self._writing.set(account_id, entitlement_id, held)

    async def end_sessions(self, account_id: str) -> Receipt:
        raise self._refused("ending sessions")

    async def credentials(self, account_id: str) -> Sequence[Credential]:
        raise self._refused("listing credentials")

    async def revoke_credential(self, account_id: str, credential_id: str | None) -> Receipt:
        raise self._refused("revoking credentials")

    async def verify(self, step: Step) -> Evidence:
        return await self._proof.verify(step)

    def _refused(self, what: str) -> Unsupported:
        system = self._link.system
        return Unsupported(f"The interface of Identity Center ({system}) does not offer {what}.", system=system)


async def instance_of(link: AwsLink) -> Instance:
    """The instance that the settings name, or the only one. Raises Invalid, ContractBroken."""
    listed = await link.all("sso-admin", "ListInstances", "Instances")
    wanted = link.options.instance_arn
    found = [one for one in listed if wanted in ("", one.get("InstanceArn"))]
    if len(found) != 1:
        told = f"{len(found)} Identity Center instances" if found else "no Identity Center instance"
        raise Invalid(
            f"{link.system} shows {told} in {link.options.region}; name one as instance_arn, and its region.",
            system=link.system,
        )
    arn, store = found[0].get("InstanceArn"), found[0].get("IdentityStoreId")
    if not arn or not store:
        raise ContractBroken(f"{link.system} tells of an instance without an identity store.", system=link.system)
    return Instance(str(arn), str(store))
