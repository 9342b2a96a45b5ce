"""Files of wg-quick as the helper reads and edits them: nothing is lost, nobody is taken for somebody else."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st

from jmltui_ssh.host_helper.wireguard_files import MARK, joined, sections

KEYS = [base64.b64encode(bytes([number] * 32)).decode() for number in range(4)]
COMMENTS = ("# ana\n", "### Client ben\n", "# BEGIN_PEER cleo\n", "# friendly_name = dan\n", "")
INSIDE = ("# a note\n", "#Endpoint = 192.0.2.1:1\n", "PersistentKeepalive = 25 # often\n", "\n", "   \n", "")


@st.composite
def files(draw: st.DrawFn) -> str:
    """A file with a section for each of some keys."""
    parts = ["[Interface]\nPrivateKey = x\n# PostUp = y\n", draw(st.sampled_from(("\n", "")))]
    for key in draw(st.lists(st.sampled_from(KEYS), unique=True)):
        comment, inside = draw(st.sampled_from(COMMENTS)), draw(st.lists(st.sampled_from(INSIDE), max_size=3))
        parts += [comment, "[peer]\n" if draw(st.booleans()) else " [Peer] \n", f"publickey={key}\n", *inside]
    return "".join(parts)


@given(st.text(alphabet="[]Peer#=\n jmltui", max_size=80) | files())
def test_reading_a_file_loses_nothing(text: str) -> None:
    assert joined(sections(text)) == text


@given(files(), st.sets(st.sampled_from(KEYS)))
def test_setting_aside_hides_these_peers_alone_and_is_taken_back_whole(text: str, keys: set[str]) -> None:
    before = sections(text)
    aside = joined([each.set_aside() if each.key in keys else each for each in before])
    # What wg itself reads: everything behind a `#` is nothing.
    seen = [line.partition("#")[0].strip().lower() for line in aside.splitlines()]
    left = [key for key in KEYS if any(line == f"publickey={key.lower()}" for line in seen)]
    assert left == [key for key in KEYS if key not in keys and key in text]
    assert seen.count("[peer]") == len(left)
    again = sections(aside)
    assert [(each.key, each.name) for each in again] == [(each.key, each.name) for each in before]
    back = joined([each.brought_back() if each.is_aside else each for each in again])
    assert [line.rstrip() for line in back.splitlines()] == [line.rstrip() for line in text.splitlines()]


def test_a_name_is_the_comment_right_above_or_the_first_within() -> None:
    text = (
        f"[Interface]\n# server\n\n# laptops\n# ana smith\n[Peer]\nPublicKey = {KEYS[0]}\n\n"
        f"{MARK}### Client ben\n{MARK}[Peer]\n{MARK}PublicKey = {KEYS[1]}\n"
        f"[Peer]\n#AllowedIPs = 10.0.0.1/32\n# Name = cleo\nPublicKey = {KEYS[2]}\nAllowedIPs = 10.0.0.3/32\n"
        f"AllowedIPs = fd00::3/128 # both\n# END_PEER cleo\n[Peer]\nPublicKey = {KEYS[3]}"
    )
    found = [each for each in sections(text) if each.kind == "peer"]
    assert [(each.name, each.key, each.is_aside) for each in found] == [
        ("ana smith", KEYS[0], False),
        ("ben", KEYS[1], True),
        ("cleo", KEYS[2], False),
        ("", KEYS[3], False),
    ]
    assert found[2].allowed == "10.0.0.3/32,fd00::3/128"
    assert found[2].settings("publickey") == "[Peer]\nAllowedIPs = 10.0.0.3/32\nAllowedIPs = fd00::3/128 # both\n"
