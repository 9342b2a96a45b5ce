"""Runs Samba, whose ports cannot be chosen, in a network of its own, and passes connections on to it.

Called with a port of 127.0.0.1 for each port of Samba's (`PORT:636`), then `--`, then Samba's command line. Where a
network of its own is not allowed Samba runs in this machine's. Both end when the standard input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import functools
import os
import socket
import struct
import sys

CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1


def apart() -> bool:
    """Leave the network of this machine for one that has nothing but a loopback; whether that was allowed."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        return False
    with socket.socket() as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        (flags,) = struct.unpack("16xh14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))
    return True


async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on until the end."""
    with contextlib.suppress(ConnectionError):
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
    writer.close()


async def passed_on(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, to this port of Samba's."""
    try:
        back, forth = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        writer.close()
        return
    await asyncio.gather(pour(reader, forth), pour(back, writer))


async def serve(listeners: dict[int, socket.socket], command: list[str]) -> int:
    """Samba's exit status. Connections are taken once it listens itself."""
    samba = await asyncio.create_subprocess_exec(*command, stdin=sys.stdin)
    ended = asyncio.create_task(samba.wait())
    while not ended.done():
        try:
            _, probe = await asyncio.open_connection("127.0.0.1", max(listeners))
        except OSError:
            await asyncio.sleep(0.05)
            continue
        probe.close()
        break
    for port, listener in listeners.items():
        listener.listen()
        await asyncio.start_server(functools.partial(passed_on, port), sock=listener)
    return await ended


def main() -> int:
    """Listen in this machine's network, leave it, and run Samba."""
    pairs, command = sys.argv[1 : sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1 :]
    listeners = {}
    for pair in pairs:
        here, there = map(int, pair.split(":"))
        listeners[there] = socket.socket()
        listeners[there].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listeners[there].bind(("127.0.0.1", here))
    is_apart = apart()
    os.write(1, b"apart\n" if is_apart else b"beside\n")
    return asyncio.run(serve(listeners, command))


if __name__ == "__main__":
    sys.exit(main())
