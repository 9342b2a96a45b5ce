"""The server's own configuration, as far as it says which files shut clients out (openvpn(8))."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from jmltui.adapter_api import Invalid, NotFound, Unavailable

from .options import VpnOptions
from .replacing import read_file


@dataclass(frozen=True, slots=True)
class ServerFile:
    """What a server reads when a client comes in; empty where it reads none."""

    crl: str = ""
    ccd: str = ""


def as_the_server(options: VpnOptions, system: str) -> VpnOptions:
    """The options with the files that the server itself names, where its configuration is known.

    Raises Invalid where the settings name others: what is written there would shut nobody out.
    """
    if not options.server_config:
        return options
    named = read_server_file(options.server_config, system)
    for key, mine, theirs in (("crl", options.crl, named.crl), ("ccd", options.ccd, named.ccd)):
        if mine and os.path.realpath(mine) != os.path.realpath(theirs):
            told = f"“{key}” is {mine}, and the server reads {theirs or 'no such file'} ({options.server_config})."
            raise Invalid(f"[systems.{system}] {told}", system=system)
    return options.with_files(named.crl, named.ccd)


def read_server_file(path: str, system: str) -> ServerFile:
    """The files that a configuration names; relative ones are beside it, or in the folder of its `cd`."""
    try:
        text = read_file(path, f"the configuration of {system}").decode("utf-8", "replace")
    except NotFound as error:
        raise Unavailable(error.message, system=system) from error
    folder, found = os.path.dirname(path), {}
    for words in _directives(text):
        if words[0] == "cd" and len(words) > 1:
            folder = os.path.join(folder, words[1])
        elif words[0] == "client-config-dir" and len(words) > 1:
            found["ccd"] = words[1]
        elif words[0] == "crl-verify":
            if len(words) != 2:
                told = "keeps revoked serials as files of a folder (crl-verify … dir), which is not known here."
                raise Invalid(f"[systems.{system}] The server {told}", system=system)
            found["crl"] = words[1]
    return ServerFile(**{key: os.path.join(folder, value) for key, value in found.items()})


def _directives(text: str) -> Iterator[list[str]]:
    """Each line's words; inline files, which stand between `<name>` and `</name>`, are none."""
    inline = ""
    for line in text.splitlines():
        stripped = line.strip()
        if inline:
            inline = "" if stripped == f"</{inline}>" else inline
        elif stripped.startswith("<") and stripped.endswith(">"):
            inline = stripped[1:-1]
        elif stripped and stripped[0] not in "#;":
            words = _words(stripped)
            if words:
                yield [words[0].removeprefix("--"), *words[1:]]


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters = True, "#;"
    try:
        return list(lexer)
    except ValueError:
        return line.split()
