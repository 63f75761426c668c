"""Reading the pages of ``docs``: tables, code blocks, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from textwrap import dedent

__all__ = ["DOCS", "ROOT", "anchors", "blocks", "links", "pages", "plain_text", "prose", "table"]

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|^\[[^\]]+\]: *(\S+)", re.MULTILINE)
_CODE = re.compile(r"`([^`]+)`")
_CELL = re.compile(r"(?<!\\)\|")


def pages() -> list[Path]:
    """Every page of the documentation, and those of the repository's root."""
    return sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])


def blocks(page: Path, language: str) -> list[str]:
    """The texts of a page's fenced blocks in a language."""
    found = _FENCE.findall(page.read_text(encoding="utf-8"))
    return [dedent(text) for _, name, text in found if name == language]


@cache
def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    """The targets of a page's links."""
    return [inline or reference for inline, reference in _LINK.findall(prose(page))]


@cache
def anchors(page: Path) -> set[str]:
    """The anchors that a forge makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def plain_text(cell: str) -> str:
    """The words of a cell: the texts of its links, and nothing in backticks."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", cell).replace("`", "")


def table(page: Path, heading: str) -> dict[str, list[str]]:
    """The tables of a page whose first column has a heading, as one.

    Returns:
        What is in backticks in the first column -> the other cells of its row, as written.
    """
    rows: dict[str, list[str]] = {}
    for first, *others in _rows(page, heading):
        code = _CODE.fullmatch(first)
        assert code, f"{page.name}: {first!r} is not one name in backticks"
        assert code[1] not in rows, f"{page.name}: {first} stands twice"
        rows[code[1]] = others
    assert rows, f"{page.name} has no table that begins with {heading!r}"
    return rows


def _rows(page: Path, heading: str) -> Iterator[list[str]]:
    inside = False
    for line in page.read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            inside = False
            continue
        cells = [cell.strip() for cell in _CELL.split(line)[1:-1]]
        if inside and set(line) - set("|- :"):
            yield cells
        inside = inside or cells[0] == heading
