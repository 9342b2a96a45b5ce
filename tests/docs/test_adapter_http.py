"""The page about descriptions: its example works on a real server, its settings are good, no key is left out."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

from jmltui.adapter_api import Setup
from jmltui.adapter_api.conformance import CHECKS, Result, World, run_check
from jmltui_http import HttpAdapter
from jmltui_http.authorizing import AuthKind
from jmltui_http.description import ERROR_WORDS, shipped
from jmltui_http.lists import PagingKind
from tests.conftest import StandingClock
from tests.servers.scim2 import ScimServer

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "adapter-http.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def keys() -> Iterator[str]:
    """Every key that the reader of descriptions asks for, those of tickets aside."""
    reads = "text|truth|number|integer|texts|statuses|expression|template|templates|body|block|blocks|items|get|has"
    for file in sorted((ROOT / "adapters" / "jmltui_http").glob("*.py")):
        if not file.name.startswith("ticket"):
            source = file.read_text(encoding="utf-8")
            yield from re.findall(rf'\b(?:block|root|inner|outer)\.(?:{reads})\(\s*"([a-z_]+)"', source)


async def test_the_example_keeps_the_contract(
    tmp_path: Path, scim2_server: Callable[..., ScimServer], clock: StandingClock
) -> None:
    server = scim2_server()
    (tmp_path / "ours.yaml").write_text(block("yaml"), encoding="utf-8")
    options = {
        "description": str(tmp_path / "ours.yaml"),
        "base": server.url,
        "secrets": {"token": "env:T"},
        "private_network": True,
    }
    adapter = HttpAdapter(Setup("ours", options, lambda _: server.token, clock))
    await adapter.open()
    results = {check: await run_check(check, adapter, World(f"e{n:02d}")) for n, check in enumerate(CHECKS)}
    await adapter.close()
    assert {name: one.told for name, one in results.items() if one.result is Result.FAILED} == {}
    passed = {name for name, one in results.items() if one.result is Result.PASSED}
    assert {"create_twice", "disable_and_enable_twice", "find_is_exact", "cursor_resumes", "hostile_logins"} <= passed


def test_the_settings_are_good(clock: StandingClock) -> None:
    options = tomllib.loads(block("toml"))["sources"]["hr"]
    assert options.pop("adapter") == "http"
    assert HttpAdapter(Setup("hr", options, str, clock)).choices.base == "https://acme.bamboohr.com"


def test_every_key_and_word_is_described() -> None:
    found = set(keys())
    assert len(found) > 50
    words = {*found, *(option.name for option in HttpAdapter.OPTIONS), *AuthKind, *PagingKind, *shipped()}
    assert sorted(word for word in words if f"`{word}`" not in PAGE and f"`{word}:" not in PAGE) == []
    assert [word for word in ERROR_WORDS if word not in PAGE] == []
