"""The tutorial that is followed in the browser: text and pictures show today's pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from support.markdown import DOCS
from support.pictures import FOLDER, last_night, page_text, stops

PAGE = DOCS / "tutorials" / "last-nights-sync.md"
BIGGEST = 150_000
PICTURE = re.compile(rf"!\[[^\]]+\]\({FOLDER.name}/(\w+)\.png\)")


def _sections() -> Iterator[tuple[str, str]]:
    """Give the name of each picture, and the text from it to the next heading."""
    for section in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        found = PICTURE.search(section)
        assert found, section.splitlines()[0]
        yield found[1], section[found.end() :]


SECTIONS = dict(_sections())


def test_each_picture_is_of_the_page_to_which_the_tutorial_leads_today(
    tmp_path: Path, browser: Browser
) -> None:
    with last_night(tmp_path, browser) as page:
        texts = {name: page_text(page) for name in stops(page)}
    assert list(SECTIONS) == list(texts)
    for name, text in texts.items():
        assert text == _recorded(name), "The page has changed: run `make pictures`, look, commit."


@pytest.mark.parametrize("name", SECTIONS)
def test_the_page_has_the_words_that_the_tutorial_quotes(name: str) -> None:
    quoted = re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", SECTIONS[name])
    clicked = re.findall(r"\*\*([^*]+)\*\*", SECTIONS[name])
    words = _in_one_line(_recorded(name))
    assert quoted + clicked
    assert [each for each in map(_in_one_line, quoted + clicked) if each not in words] == []


def test_pictures_are_small_and_each_is_used() -> None:
    files = {file.name: file for file in FOLDER.iterdir()}
    assert set(files) == {f"{name}.{kind}" for name in SECTIONS for kind in ("png", "txt")}
    for name in SECTIONS:
        content = files[f"{name}.png"].read_bytes()
        assert content.startswith(b"\x89PNG"), name
        assert len(content) < BIGGEST, name


def _recorded(name: str) -> str:
    """Return the text of the page when its picture was taken."""
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def _in_one_line(text: str) -> str:
    return " ".join(text.split())
