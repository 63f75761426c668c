"""The style sheet and the script of all pages."""

from __future__ import annotations

import gzip
import re

import pytest

from canvas_sync_exporter.ui.assets import assets


@pytest.mark.parametrize(
    ("name", "most", "most_compressed"), [("script", 25_000, 9_000), ("style", 20_000, 6_000)]
)
def test_they_are_small(name: str, most: int, most_compressed: int) -> None:
    asset = assets()[name]
    assert len(asset.content) <= most
    assert len(asset.zipped) <= most_compressed
    assert gzip.decompress(asset.zipped) == asset.content


def test_they_load_nothing_else_and_put_no_markup_into_a_page() -> None:
    script = assets()["script"].content.decode()
    for sink in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert sink not in script
    style = assets()["style"].content.decode()
    assert not re.search(r"url\(|@import|https?://", style)


def test_motion_colours_and_print_are_left_to_the_visitor() -> None:
    style = assets()["style"].content.decode()
    for query in ("prefers-reduced-motion", "prefers-color-scheme", "forced-colors", "print"):
        assert query in style


def test_the_style_is_sent_without_space_that_only_people_need() -> None:
    style = assets()["style"].content.decode()
    assert "*,::before,::after{box-sizing:border-box}" in style
    assert ".card>h2{" in style
    assert "calc(100vw - 2rem)" in style
    assert "\n" not in style
