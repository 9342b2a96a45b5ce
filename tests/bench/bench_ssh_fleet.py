"""A leaver on a fleet of 50 hosts through the adapter, against the same exchanges with one host after another.

The hosts are 50 addresses of one sshd, reached over links that take their time, as hosts elsewhere are. Both sides lock
the account on every host and read it back by the same helper.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
from collections.abc import Mapping
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import asyncssh

from jmltui.adapter_api import Cap, Outcome, Setup, Step, Verdict
from jmltui_ssh import SshAdapter
from tests.bench.measure import Comparison, Stopwatch
from tests.servers.sshd import SshLab, ssh_lab_of_its_own

HOSTS = 50
ONE_WAY_SECONDS = 0.05
"""Half of what a packet takes to a host on another continent and back."""
ADDRESSES = [f"127.0.0.{number}" for number in range(1, HOSTS + 1)]
NOW = datetime(2026, 6, 1, tzinfo=UTC)


async def _relay(ready: Connection, port: int) -> None:
    """Pass everything on, both ways, a while later."""
    loop = asyncio.get_running_loop()

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await reader.read(1 << 16):
            loop.call_later(ONE_WAY_SECONDS, writer.write, part)
        loop.call_later(ONE_WAY_SECONDS, writer.close)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2 * ONE_WAY_SECONDS)  # the handshake of TCP
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(late(reader, back), late(there, writer), return_exceptions=True)

    first = await asyncio.start_server(serve, ADDRESSES[0], 0)
    number = first.sockets[0].getsockname()[1]
    rest = await asyncio.start_server(serve, ADDRESSES[1:], number)
    ready.send(number)
    await asyncio.gather(first.serve_forever(), rest.serve_forever())


def relay(ready: Connection, port: int) -> None:
    """Run until the process is ended."""
    asyncio.run(_relay(ready, port))


def _measured(side: object) -> Mapping[str, float]:
    """Run one side against a host of its own."""
    context = multiprocessing.get_context("spawn")
    with ssh_lab_of_its_own() as lab:
        [host] = lab.hosts()
        login = host.person("leaver", keys=1, password="x")
        ours, theirs = context.Pipe()
        process = context.Process(target=relay, args=(theirs, host.port), daemon=True)
        process.start()
        port, watch = ours.recv(), Stopwatch()
        known = lab.folder / "relayed"
        known.write_text(
            "".join(host.known.replace("127.0.0.1", a).replace(f":{host.port}", f":{port}") + "\n" for a in ADDRESSES)
        )
        try:
            with watch:
                asyncio.run(side(lab, login, port, known))  # type: ignore[operator]
        finally:
            process.kill()
            process.join()
        assert not host.lets_in("leaver")
    return {"seconds": watch.wall, "client cpu ms": 1000 * watch.cpu}


async def _through_the_adapter(lab: SshLab, login: str, port: int, known: Path) -> None:
    hosts = [f"{address}:{port}" for address in ADDRESSES]
    options = lab.options(hosts=hosts, known_hosts=str(known), hosts_at_once=HOSTS)
    adapter = SshAdapter(Setup("fleet", options, str, lambda: NOW))  # type: ignore[arg-type]
    await adapter.open()
    assert (await adapter.disable(login)).outcome is Outcome.CHANGED
    evidence = await adapter.verify(Step(Cap.DISABLE, login))
    assert (evidence.verdict, set(evidence.observed)) == (Verdict.CONFIRMED, set(hosts))
    await adapter.close()


async def _one_after_another(lab: SshLab, login: str, port: int, known: Path) -> None:
    key = asyncssh.read_private_key(lab.folder / "operator")
    for address in ADDRESSES:
        async with asyncssh.connect(
            address,
            port,
            username=lab.operator,
            client_keys=[key],
            agent_path=None,
            known_hosts=str(known),
            config=None,
        ) as link:
            for verb in ("lock", "read"):
                request = json.dumps({"verb": verb, "login": login})
                done = await link.run(f"sudo -n {lab.helper}", input=request, check=True)
                answer = json.loads(str(done.stdout).split(" ", 2)[2])["data"]
            assert answer["expired"]


def product(folder: str) -> Mapping[str, float]:
    """All hosts at once."""
    del folder
    return _measured(_through_the_adapter)


def bare(folder: str) -> Mapping[str, float]:
    """One host after another, by the client library alone."""
    del folder
    return _measured(_one_after_another)


if __name__ == "__main__":
    Comparison(
        f"A leaver on {HOSTS} hosts behind links of {2000 * ONE_WAY_SECONDS:.0f} ms, against one host after another",
        product,
        bare,
        target=1 / 8,
        rounds=1,
    ).main("tests.bench.bench_ssh_fleet")
