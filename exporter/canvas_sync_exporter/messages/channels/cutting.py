"""Bounds the content of a message and makes its texts safe, so that any channel can carry it.

What is left out is marked. No text is trusted: an error message may be 3 MB long, or contain
control characters.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Final, TypeVar
from urllib.parse import urlsplit

from canvas_sync_core.files.sanitizing import escape_controls
from canvas_sync_exporter.messages.channel import OutgoingMessage
from canvas_sync_exporter.messages.content import Content, Fact, Link, Section, Table

__all__ = ["Limits", "content_of", "cut", "cut_line", "cut_text", "fit"]

T = TypeVar("T")

_SHORT: Final = 80
"""A text that is cut to less than this ends with an ellipsis only, for lack of space."""
_LONGEST_URL: Final = 2000
_REPEATED: Final = (
    "You may have received this message before: it is unknown whether an earlier attempt arrived."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of a content is shown.

    Attributes:
        title: Characters of a title, heading, name or text of a link.
        text: Characters of a paragraph or value.
        cell: Characters of a cell of a table.
        rows: Rows of a table.
        items: Paragraphs, facts, links or columns of a section.
        sections: Sections.
    """

    title: int
    text: int
    cell: int
    rows: int
    items: int
    sections: int

    def smaller(self) -> Limits:
        """Return limits that are smaller by a third, at least 1 each."""
        return Limits(**{each.name: max(1, getattr(self, each.name) * 2 // 3) for each in _FIELDS})


_FIELDS: Final = fields(Limits)


def content_of(message: OutgoingMessage) -> Content:
    """Return the content of a message, with a remark if it may have been delivered before."""
    content = message.content
    if not message.may_be_repeated:
        return content
    return replace(content, footer=f"{_REPEATED} {content.footer}".strip())


def fit(
    content: Content, limits: Limits, render: Callable[[Content], T], fits: Callable[[T], bool]
) -> T:
    """Render as much of a content as fits.

    Args:
        content: The content.
        limits: What to try first.
        render: Renders a content.
        fits: Returns whether a channel can carry the result.
    """
    while True:
        rendered = render(cut(content, limits))
        if fits(rendered) or limits == limits.smaller():
            return rendered
        limits = limits.smaller()


def cut(content: Content, limits: Limits) -> Content:
    """Return a content of bounded size, without control characters."""
    sections = [_cut_section(each, limits) for each in content.sections[: limits.sections]]
    links, lost_links = _cut_links(content.links, limits)
    remarks = _remarks(("section", len(content.sections) - len(sections)), ("link", lost_links))
    if remarks:
        sections.append(Section(paragraphs=remarks))
    return replace(
        content,
        title=cut_line(content.title, limits.title),
        summary=cut_text(content.summary, limits.text),
        sections=tuple(sections),
        links=links,
        footer=cut_text(content.footer, limits.text),
    )


def cut_line(text: str, limit: int) -> str:
    """Return a text of one line and at most ``limit`` characters."""
    return _cut(escape_controls(" ".join(text[: 4 * limit].split())), limit, len(text))


def cut_text(text: str, limit: int) -> str:
    """Return a text of at most ``limit`` characters; its lines stay lines."""
    lines = text[:limit].replace("\r\n", "\n").expandtabs(4).split("\n")
    return _cut("\n".join(map(escape_controls, lines)).strip(), limit, len(text))


def _cut(text: str, limit: int, length: int) -> str:
    """Cut a text that was read from the first characters of one with this length."""
    if length <= limit and len(text) <= limit:
        return text
    mark = f"… (cut, {length:,} characters)" if limit >= _SHORT else "…"
    if len(text) < limit - len(mark) and length <= 4 * limit:
        return text  # it has become shorter by joining spaces
    return text[: max(0, limit - len(mark))].rstrip() + mark


def _cut_section(section: Section, limits: Limits) -> Section:
    most = limits.items
    links, lost_links = _cut_links(section.links, limits)
    remarks = _remarks(
        ("paragraph", len(section.paragraphs) - most),
        ("fact", len(section.facts) - most),
        ("link", lost_links),
        ("column", len(section.table.headings) - most if section.table else 0),
    )
    paragraphs = [cut_text(each, limits.text) for each in section.paragraphs[:most]]
    return Section(
        title=cut_line(section.title, limits.title),
        paragraphs=tuple(each for each in (*paragraphs, *remarks) if each),
        facts=tuple(
            Fact(cut_line(each.name, limits.title), cut_text(each.value, limits.text))
            for each in section.facts[:most]
        ),
        table=section.table and _cut_table(section.table, limits),
        links=links,
    )


def _cut_links(links: tuple[Link, ...], limits: Limits) -> tuple[tuple[Link, ...], int]:
    """Return the links that can be followed, and how many were left out."""
    usable = [each for each in links if _is_url(each.url)]
    shown = usable[: limits.items]
    cleaned = (
        Link(cut_line(each.text, limits.title) or cut_line(each.url, limits.title), each.url)
        for each in shown
    )
    return tuple(cleaned), len(usable) - len(shown)


def _cut_table(table: Table, limits: Limits) -> Table | None:
    """Return a table in which each row has as many cells as there are headings."""
    columns = min(len(table.headings), limits.items)
    if not columns:
        return None
    rows = table.rows[: limits.rows]
    return Table(
        headings=tuple(cut_line(each, limits.cell) for each in table.headings[:columns]),
        rows=tuple(
            tuple(cut_line(cell, limits.cell) for cell in (*row, *[""] * columns)[:columns])
            for row in rows
        ),
        numeric=frozenset(index for index in table.numeric if 0 <= index < columns),
        statuses=table.statuses[: len(rows)] if len(table.statuses) == len(table.rows) else (),
        shares=_cut_shares(table)[: len(rows)],
        omitted=table.omitted + len(table.rows) - len(rows),
    )


def _cut_shares(table: Table) -> tuple[float, ...]:
    if len(table.shares) != len(table.rows):
        return ()
    return tuple(min(1.0, max(0.0, each)) if math.isfinite(each) else 0.0 for each in table.shares)


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    return is_web and len(url) <= _LONGEST_URL and url.isascii() and url.isprintable()


def _remarks(*left_out: tuple[str, int]) -> tuple[str, ...]:
    """Return a sentence for each kind of which something was left out."""
    return tuple(
        f"1 more {name} is not shown." if number == 1 else f"{number:,} more {name}s are not shown."
        for name, number in left_out
        if number > 0
    )
