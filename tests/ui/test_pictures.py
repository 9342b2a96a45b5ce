"""The pictures of the README show what the screens show today."""

from __future__ import annotations

import pytest

from .company import Company
from .pictures import FOLDER, PICTURES, Picture, digest, stamp_of, take


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
async def test_a_picture_is_fresh(standing: Company, picture: Picture) -> None:
    svg = await take(picture, standing)
    stored = FOLDER / f"{picture.name}.svg"
    assert stored.read_text(encoding="utf-8") == svg, "run `make screenshots` and look at the pictures"
    assert stamp_of(stored.with_suffix(".png").read_bytes()) == digest(svg), "the PNG is older than its SVG"


def test_there_is_no_picture_without_a_screen() -> None:
    names = {f"{picture.name}{kind}" for picture in PICTURES for kind in (".svg", ".png")}
    assert {path.name for path in FOLDER.iterdir()} == names
