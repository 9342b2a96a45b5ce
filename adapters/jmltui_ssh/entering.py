"""The operator's credential: a key, a key with a certificate, or a key that an agent holds."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from collections.abc import Sequence

import asyncssh

from jmltui.adapter_api import AuthFailed, Setup

from .connection import Access
from .options import FleetOptions
from .trust import HostKeys


async def access(setup: Setup, options: FleetOptions) -> Access:
    """How the hosts are entered. Raises AuthFailed for a key that cannot be used, Untrusted for known_hosts."""
    host_keys = await asyncio.to_thread(HostKeys, setup.name, options.known_hosts, options.fingerprints)
    if not options.agent:
        keys = await asyncio.to_thread(_of_file, setup, options)
        return Access(setup.name, keys, host_keys, options.host_seconds)
    agent, keys = await _of_agent(setup.name, options)
    return Access(setup.name, keys, host_keys, options.host_seconds, agent)


def _of_file(setup: Setup, options: FleetOptions) -> Sequence[asyncssh.SSHKeyPair]:
    """Read once: deriving a key from its passphrase is slow on purpose."""
    passphrase = setup.secret(options.passphrase) if options.passphrase else None
    where = options.key_file or "the key"
    try:
        if options.key:
            key = asyncssh.import_private_key(setup.secret(options.key), passphrase)
        else:
            key = asyncssh.read_private_key(options.key_file, passphrase)
        certificates = [options.certificate_file] if options.certificate_file else ()
        return asyncssh.load_keypairs([key], certlist=certificates)
    except (OSError, ValueError, asyncssh.Error) as error:
        raise AuthFailed(f"{where} of {setup.name} cannot be used: {error}.", system=setup.name) from None


async def _of_agent(
    system: str, options: FleetOptions
) -> tuple[asyncssh.SSHAgentClient, Sequence[asyncssh.SSHKeyPair]]:
    """The agent signs when a host is entered, so it stays open."""
    path = os.environ.get("SSH_AUTH_SOCK", "") if options.agent == "env" else options.agent
    try:
        agent = await asyncssh.connect_agent(path)
        keys = await agent.get_keys()
    except (OSError, ValueError, asyncssh.Error) as error:
        raise AuthFailed(f"The SSH agent of {system} cannot be used: {error}.", system=system) from None
    wanted = [key for key in keys if options.agent_key in ("", _fingerprint(key))]
    if not wanted:
        agent.close()
        await agent.wait_closed()
        what = f"the key {options.agent_key}" if options.agent_key else "a key"
        raise AuthFailed(f"The SSH agent of {system} does not hold {what}.", system=system)
    return agent, wanted


def _fingerprint(key: asyncssh.SSHKeyPair) -> str:
    """As `ssh-add -l` shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key.public_data).digest()).decode().rstrip("=")
