"""Files that a running server reads: read whole, and given another content in one step."""

from __future__ import annotations

import errno
import os
import tempfile
from contextlib import suppress
from typing import Final

from jmltui.adapter_api import ContractBroken, Forbidden, NotFound, OutcomeUnknown, Unavailable

_LARGEST: Final = 64 * 1024 * 1024


def read_file(path: str, what: str) -> bytes:
    """What a file holds. Raises NotFound, Forbidden, Unavailable, ContractBroken."""
    try:
        with open(path, "rb") as file:
            text = file.read(_LARGEST + 1)
    except FileNotFoundError:
        raise NotFound(f"There is no file {path} for {what}.") from None
    except PermissionError:
        raise Forbidden(f"The file {path} ({what}) may not be read by jmltui.") from None
    except OSError as error:
        raise Unavailable(f"The file {path} ({what}) cannot be read: {error.strerror}.") from error
    if len(text) > _LARGEST:
        raise ContractBroken(f"The file {path} ({what}) is larger than {_LARGEST >> 20} MiB.")
    return text


def write_whole(path: str, text: bytes, mode: int, system: str) -> None:
    """Give a file another content in one step; owner and mode stay, a new one gets `mode`.

    Raises Forbidden or Unavailable when nothing was changed, OutcomeUnknown when it may have been.
    """
    draft = draft_beside(path, system)
    try:
        with open(draft, "wb") as file:
            file.write(text)
        put_in_place(draft, path, mode, system)
    except OSError as error:
        raise _refused(path, error, system) from error
    finally:
        with suppress(OSError):
            os.unlink(draft)


def draft_beside(path: str, system: str) -> str:
    """An empty file beside one that is to be replaced: where it can be made, the other can. Raises Forbidden."""
    try:
        handle, draft = tempfile.mkstemp(prefix=".jmltui-", dir=os.path.dirname(path))
    except OSError as error:
        raise _refused(path, error, system) from error
    os.close(handle)
    return draft


def put_in_place(draft: str, path: str, mode: int, system: str) -> None:
    """The draft in the place of the file, with that one's owner and mode. Raises Forbidden, OutcomeUnknown."""
    try:
        with suppress(FileNotFoundError):
            was = os.stat(path)
            mode = was.st_mode & 0o7777
            if (was.st_uid, was.st_gid) != (os.geteuid(), os.getegid()):
                os.chown(draft, was.st_uid, was.st_gid)
        os.chmod(draft, mode)
        with open(draft, "rb") as file:
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError as error:
        raise _refused(path, error, system) from error
    try:
        folder = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise OutcomeUnknown(f"{path} of {system} was written, and may be lost with the power.") from error


def _refused(path: str, error: OSError, system: str) -> Forbidden | Unavailable:
    told = f"The file {path} of {system} cannot be written: {error.strerror or error}."
    kind = Forbidden if isinstance(error, PermissionError) or error.errno == errno.EROFS else Unavailable
    return kind(told, system=system)


def remove(path: str, system: str) -> None:
    """Take a file away. Raises Forbidden, Unavailable."""
    try:
        os.unlink(path)
    except OSError as error:
        raise _refused(path, error, system) from error
