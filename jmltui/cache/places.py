"""Where a cache may stand: never on a network file system, never readable by others."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from jmltui.errors import CacheUnsafe

NETWORK_FILE_SYSTEMS: Final = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "afs",
        "9p",
        "ceph",
        "glusterfs",
        "lustre",
        "gpfs",
        "beegfs",
        "fuse.sshfs",
        "fuse.glusterfs",
        "fuse.s3fs",
        "fuse.rclone",
        "ncpfs",
        "ocfs2",
        "vboxsf",
    }
)


def file_system_of(path: Path, mounts: str | None = None) -> str:
    """The type of the file system that holds `path`, by the longest mount point in /proc/self/mounts; "" unknown."""
    if mounts is None:
        try:
            mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
    best, kind = "", ""
    wanted = os.path.realpath(path)
    for line in mounts.splitlines():
        words = line.split()
        if len(words) < 3:
            continue
        point = words[1].replace("\\040", " ")
        inside = wanted == point or wanted.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, words[2]
    return kind


def prepare_file(path: Path, mounts: str | None = None) -> None:
    """Make the folder (0700) and the file (0600) of a SQLite cache.

    Raises CacheUnsafe where SQLite's locks cannot be trusted or where others could read it.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CacheUnsafe(
            f"The folder {path.parent} for the cache cannot be made: {error.strerror}.",
            hint="Name another place as [cache] url in the settings.",
        ) from None
    kind = file_system_of(path.parent, mounts)
    if kind in NETWORK_FILE_SYSTEMS:
        raise CacheUnsafe(
            f"The cache {path} would stand on a network file system ({kind}), where SQLite loses data.",
            hint="Name a place on a local disk as [cache] url in the settings, or a PostgreSQL database.",
        )
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CacheUnsafe(
            f"The cache {path} cannot be opened: {error.strerror}.", hint="Look at its owner, mode and disk."
        ) from None
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise CacheUnsafe(f"The cache {path} is not a regular file.", hint="Name another place in the settings.")
        if stat.S_IMODE(facts.st_mode) & 0o077:
            if facts.st_uid != os.getuid():
                raise CacheUnsafe(
                    f"The cache {path} can be read by others and belongs to somebody else.",
                    hint="Ask its owner for `chmod 600`.",
                )
            os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)
