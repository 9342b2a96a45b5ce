"""What an IAM user signs in with: password, access keys, certificates, SSH keys, service passwords, second factors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from jmltui.adapter_api import Credential, NotFound, Outcome, Receipt

from .iam_reading import IamReading
from .link import AwsLink

KEY: Final = "access-key:"
PASSWORD: Final = "password:login-profile"
MFA: Final = "mfa:"


class _Kind(NamedTuple):
    """One kind: how it is listed, which field is its id, how it is deleted."""

    prefix: str
    kind: str
    list_by: str
    field: str
    id_field: str
    created: str
    delete_by: str


KINDS: Final = (
    _Kind(KEY, "api-key", "ListAccessKeys", "AccessKeyMetadata", "AccessKeyId", "CreateDate", "DeleteAccessKey"),
    _Kind("certificate:", "certificate", "ListSigningCertificates", "Certificates", "CertificateId", "UploadDate",
          "DeleteSigningCertificate"),
    _Kind("ssh-key:", "ssh-key", "ListSSHPublicKeys", "SSHPublicKeys", "SSHPublicKeyId", "UploadDate",
          "DeleteSSHPublicKey"),
    _Kind("service:", "token", "ListServiceSpecificCredentials", "ServiceSpecificCredentials",
          "ServiceSpecificCredentialId", "CreateDate", "DeleteServiceSpecificCredential"),
    _Kind(MFA, "mfa", "ListMFADevices", "MFADevices", "SerialNumber", "EnableDate", "DeactivateMFADevice"),
)  # fmt: skip
"""In the order in which they are taken away: the second factor last."""


class IamCredentials:
    """Lists and revokes the credentials of IAM users."""

    def __init__(self, link: AwsLink, reading: IamReading) -> None:
        self._link, self._reading = link, reading

    async def credentials(self, account_id: str) -> list[Credential]:
        """All credentials of a user. Raises NotFound."""
        return await self.of(account_id, str((await self._reading.user(account_id))["UserName"]))

    async def of(self, account_id: str, login: str) -> list[Credential]:
        """All credentials of the user of this name; the password first."""
        profile = await self.profile(login)
        found = [Credential(PASSWORD, account_id, "password", profile.get("CreateDate"))] if profile else []
        for kind in KINDS:
            for one in await self._link.all("iam", kind.list_by, kind.field, UserName=login):
                found.append(await self._told(kind, one, account_id))
        return found

    async def profile(self, login: str) -> Mapping[str, Any] | None:
        """The login profile, which is the password for the console; None where there is none."""
        try:
            found = (await self._link.read("iam", "GetLoginProfile", UserName=login)).get("LoginProfile")
        except NotFound:
            return None
        if not isinstance(found, dict):
            raise self._link.broken("GetLoginProfile was answered without one")
        return found

    async def keys(self, login: str) -> list[Mapping[str, Any]]:
        """The access keys of a user."""
        return await self._link.all("iam", "ListAccessKeys", "AccessKeyMetadata", UserName=login)

    async def _told(self, kind: _Kind, one: Mapping[str, Any], account_id: str) -> Credential:
        found = str(one.get(kind.id_field) or "")
        if not found:
            raise self._link.broken(f"{kind.list_by} lists one without {kind.id_field}")
        used = None
        if kind.prefix == KEY:
            answer = await self._link.read("iam", "GetAccessKeyLastUsed", AccessKeyId=found)
            used = (answer.get("AccessKeyLastUsed") or {}).get("LastUsedDate")
        active = str(one.get("Status") or "Active") == "Active"
        return Credential(f"{kind.prefix}{found}", account_id, kind.kind, one.get(kind.created), used, active)

    async def take_away(self, account_id: str, login: str, credential_id: str | None) -> Receipt:
        """Make one credential, or all, of the user of this name not be there."""
        found = await self.of(account_id, login)
        due = [one for one in found if credential_id in (None, one.id)]
        for one in due:
            await self._delete(login, one.id)
        before = {"credentials": [one.id for one in found]}
        after = {"credentials": [one.id for one in found if one not in due]}
        return Receipt(Outcome.CHANGED if due else Outcome.ALREADY, before=before, after=after)

    async def _delete(self, login: str, credential_id: str) -> None:
        if credential_id == PASSWORD:
            await self._gone("DeleteLoginProfile", UserName=login)
            return
        kind = next(one for one in KINDS if credential_id.startswith(one.prefix))
        own = credential_id.removeprefix(kind.prefix)
        await self._gone(kind.delete_by, **{"UserName": login, kind.id_field: own})
        if kind.prefix == MFA and ":mfa/" in own:  # a virtual device stays, unassigned, until it is deleted
            await self._gone("DeleteVirtualMFADevice", SerialNumber=own)

    async def _gone(self, operation: str, **given: Any) -> None:
        """What is deleted already is deleted: NoSuchEntity leaves no doubt."""
        try:
            await self._link.write("iam", operation, **given)
        except NotFound:
            return
