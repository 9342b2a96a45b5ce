"""Where calls may go: one origin, made of the description and the settings, fixed before the first call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from jmltui.adapter_api import Invalid

from .template import Slot, Template

_HOST_PART: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,200}[A-Za-z0-9])?")
_LOCAL: Final = re.compile(r"(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])")


def origin_of(template: Template, values: Mapping[str, str], *, private_network: bool) -> str:
    """The base address. Raises Invalid for one that is no plain https address, with the sentence why.

    A value is percent-encoded in the path, and in the host it has to be a part of a host's name: so none can name
    another host than the description means.
    """
    text = ""
    for part in template.parts:
        in_host = "/" not in text.partition("://")[2]
        text += _inserted(part, values, in_host=in_host) if isinstance(part, Slot) else part
    return checked_origin(text, private_network=private_network)


def _inserted(slot: Slot, values: Mapping[str, str], *, in_host: bool) -> str:
    value = str(slot.value(values))
    if not in_host:
        return Template("", (slot,)).path(values)
    if not _HOST_PART.fullmatch(value) or ".." in value:
        raise Invalid(f"“{value[:60]}” cannot be {slot.name}: it stands in the name of a host.")
    return value


def checked_origin(text: str, *, private_network: bool) -> str:
    """A base address as it is used. Raises Invalid."""
    found = urlsplit(text)
    try:
        port_is_good = found.port is None or found.port > 0
    except ValueError:
        port_is_good = False
    if found.scheme not in ("https", "http") or not found.hostname or not port_is_good:
        raise Invalid(f"“{text[:100]}” is no address such as https://host/path.")
    if found.username is not None or found.query or found.fragment or ".." in found.path.split("/"):
        raise Invalid(f"“{found.scheme}://{found.hostname}…” must be a plain address, without user, query and “..”.")
    if found.scheme == "http" and not (private_network and _LOCAL.fullmatch(found.hostname.casefold())):
        raise Invalid(f"“{text[:100]}” is not encrypted. Only a loopback address may be, with private_network = true.")
    return text.rstrip("/")
