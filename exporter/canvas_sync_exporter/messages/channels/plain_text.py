"""Renders a content as plain text: the second part of an e-mail, and what Apprise sends."""

from __future__ import annotations

from collections.abc import Iterator

from canvas_sync_exporter.messages.content import Content, Link, Section

from .status_words import WORDS
from .text_table import display_width, table_lines

__all__ = ["render_text"]

_WIDTH = 76


def render_text(content: Content, *, with_title: bool = True) -> str:
    """Render a content.

    Args:
        content: The content.
        with_title: Whether it begins with the title.
    """
    parts = [_underlined(content.title, "=")] if with_title else []
    parts.append(_labelled(WORDS[content.status], content.summary))
    parts += (part for section in content.sections for part in _section_parts(section))
    parts.append(_links(content.links))
    if content.footer:
        parts.append(f"--\n{content.footer}")
    return "\n\n".join(part for part in parts if part) + "\n"


def _section_parts(section: Section) -> Iterator[str]:
    if section.title:
        yield _underlined(section.title, "-")
    yield from section.paragraphs
    yield "\n".join(_labelled(fact.name, fact.value) for fact in section.facts)
    if section.table is not None:
        yield "\n".join(table_lines(section.table, _WIDTH, WORDS))
    yield _links(section.links)


def _labelled(name: str, text: str) -> str:
    return ": ".join(filter(None, [name, text]))


def _links(links: tuple[Link, ...]) -> str:
    return "\n".join(f"{link.text}: {link.url}" for link in links)


def _underlined(title: str, character: str) -> str:
    return f"{title}\n{character * min(_WIDTH, display_width(title))}"
