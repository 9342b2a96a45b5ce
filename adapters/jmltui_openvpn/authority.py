"""Revoking: `openssl ca -revoke`, then a new revocation list in the place of the one that the server reads.

A server looks at the file of crl-verify again at each handshake (openvpn(8)), so nothing has to be restarted. It takes
the file for another one by its time and its size, and refuses everybody while it is not readable: the new list is
written beside it, read back, and put in its place in one step.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Final

from jmltui.adapter_api import (
    AdapterError,
    AuthFailed,
    ContractBroken,
    Forbidden,
    OutcomeUnknown,
    RateLimited,
    Stale,
    Unavailable,
    Unsupported,
)

from .certificates import revoked, serial_of
from .options import VpnOptions
from .replacing import draft_beside, put_in_place

_MODE: Final = 0o644
_PAUSE: Final = 0.1
_KEY_REFUSED: Final = ("private key", "bad decrypt", "maybe wrong password", "bad password")
_CONFIGURATION: Final = """\
[ca]
default_ca = authority
[authority]
database = {index}
certificate = {ca_certificate}
private_key = {ca_key}
default_md = default
default_crl_days = {crl_days}
unique_subject = no
{number}"""


class Authority:
    """The certificate authority, as far as it is on this machine."""

    def __init__(self, options: VpnOptions, system: str, passphrase: Callable[[], str]) -> None:
        self._options = options
        self._system = system
        self._passphrase = passphrase

    async def revoke(self, certificates: Mapping[int, str], serials: Collection[int]) -> None:
        """Revoke these certificates (files by serial), and publish a list that names all of `serials`.

        Raises Forbidden, AuthFailed, Unsupported, RateLimited, Stale and Unavailable when nothing was changed,
        OutcomeUnknown when some of it may have been.
        """
        options = self._options
        draft = await asyncio.to_thread(draft_beside, options.crl, self._system)
        folder = await asyncio.to_thread(self._configured)
        started = False
        try:
            async with self._alone():
                # The list is made once before anything is revoked: that tries the key, and changes nothing.
                await self._openssl(folder, "-gencrl", "-out", draft)
                for serial, file in certificates.items():
                    if await asyncio.to_thread(serial_of, file) != serial:
                        raise Stale(f"The file {file} of {self._system} holds another certificate now.")
                    started = True
                    await self._openssl(folder, "-revoke", file, good=f"serial {serial:X}")
                await self._openssl(folder, "-gencrl", "-out", draft)
                await asyncio.to_thread(self._publish, draft, serials)
        except AdapterError as error:
            if started and not isinstance(error, OutcomeUnknown):
                told = f"{error.message} Certificates are revoked, and the list that the server reads is the old one."
                raise OutcomeUnknown(told, system=self._system) from error
            raise
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            with suppress(OSError):
                os.unlink(draft)

    def _publish(self, draft: str, serials: Collection[int]) -> None:
        options = self._options
        fresh = revoked(draft, options.ca_certificate, self._system)
        if not set(serials) <= fresh.serials:
            raise ContractBroken(f"The new revocation list of {self._system} lacks a revoked certificate.")
        put_in_place(draft, options.crl, _MODE, self._system)

    def _configured(self) -> str:
        """A folder with a configuration of openssl that says where the authority's files are, and nothing else."""
        options = self._options
        numbers = os.path.join(options.pki, "crlnumber")
        text = _CONFIGURATION.format(
            index=options.index,
            ca_certificate=options.ca_certificate,
            ca_key=options.ca_key,
            crl_days=options.crl_days,
            number=f"crlnumber = {numbers}\n" if os.path.exists(numbers) else "",
        )
        folder = tempfile.mkdtemp(prefix="jmltui-openvpn-")
        with open(os.path.join(folder, "openssl.cnf"), "w", encoding="utf-8") as file:
            file.write(text)
        return folder

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """One at a time, other processes of ours included: openssl writes its database anew without a lock."""
        until = monotonic() + self._options.seconds / 2
        handle = os.open(os.path.dirname(self._options.index), os.O_RDONLY | os.O_DIRECTORY)
        try:
            while not _locked(handle):
                if monotonic() > until:
                    raise RateLimited(f"Somebody else works in {self._options.pki} of {self._system}.")
                await asyncio.sleep(_PAUSE)
            mode = stat.S_IMODE(os.stat(self._options.index).st_mode)
            try:
                yield
            finally:
                # openssl makes the file anew with our own umask; who could read it still can.
                with suppress(OSError):
                    os.chmod(self._options.index, mode)
        finally:
            os.close(handle)

    async def _openssl(self, folder: str, *arguments: str, good: str = "") -> None:
        """Run `openssl ca`. `good` names what is revoked: that it was revoked before is as good."""
        command = ("openssl", "ca", "-config", os.path.join(folder, "openssl.cnf"), "-passin", "stdin", *arguments)
        environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"}
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                env=environment,
            )
        except FileNotFoundError:
            raise Unsupported("openssl is not installed on this machine.", system=self._system) from None
        try:
            async with asyncio.timeout(self._options.seconds):
                _, told = await process.communicate(f"{self._passphrase()}\n".encode())
        except TimeoutError:
            raise OutcomeUnknown(f"openssl did not end for {self._system}.", system=self._system) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            text = " ".join(told.decode("utf-8", "replace").split())
            if not (good and "Already revoked" in text):
                raise self._refused(text)

    def _refused(self, text: str) -> AdapterError:
        folded = text.casefold()
        if "permission denied" in folded:
            return Forbidden(f"openssl may not use the authority's files of {self._system}.", system=self._system)
        if any(sign in folded for sign in _KEY_REFUSED):
            return AuthFailed(
                f"The authority's key of {self._system} cannot be used; is “ca_passphrase” right?", system=self._system
            )
        shown = text.removeprefix("Using configuration from ").partition(" ")[2][:160]
        return Unavailable(f"openssl refuses to work for {self._system}: {shown}.", system=self._system)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
