"""Renders a content as blocks of Slack, within the limits of Block Kit.

Limits: https://docs.slack.dev/reference/block-kit/blocks. Escaping:
https://docs.slack.dev/messaging/formatting-message-text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final

from canvas_sync_exporter.messages.content import Content, Link, Section, Status, Table

from .cutting import Limits, fit
from .plain_text import render_text
from .status_words import SHAPES, WORDS
from .text_table import table_lines

__all__ = ["Block", "blocks_of", "escape", "notification_text", "text_only"]

Block = dict[str, Any]

_LIMITS: Final = Limits(title=140, text=1500, cell=100, rows=30, items=20, sections=20)
_LONGEST_HEADER: Final = 150
_LONGEST_TEXT: Final = 3000
_LONGEST_FIELD: Final = 2000
_MOST_FIELDS: Final = 10
_MOST_BLOCKS: Final = 50
_LONGEST_MESSAGE: Final = 12_000
"""Characters of all blocks; Slack refuses messages of somewhat more."""
_PHONE_WIDTH: Final = 38
"""Monospaced characters on one line of a phone that is held upright."""

_EMOJI: Final = {
    Status.GOOD: "✅",
    Status.NEUTRAL: "ℹ️",  # noqa: RUF001 - the emoji
    Status.WARNING: "⚠️",
    Status.CRITICAL: "🔴",
}
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_GAP: Final = "\u200b"
"""A space without width: Slack begins no formatting before a space and ends none after it."""
_FORMATTING: Final = re.compile(
    r"`|[*_~](?!\w)|(?<!\w)[*_~]|(?<=:)(?=[\w+'-]+:)|^(?=>)", re.MULTILINE
)


def blocks_of(content: Content) -> list[Block]:
    """Render a content; what does not fit is left out with a mark."""
    return fit(content, _LIMITS, _render, _is_within_limits)


def notification_text(content: Content) -> str:
    """Return the text that Slack shows in notifications and reads out."""
    return fit(
        content,
        _LIMITS,
        lambda each: escape(f"{_EMOJI[each.status]} {each.title}: {each.summary}"),
        lambda text: len(text) <= _LONGEST_TEXT,
    )


def text_only(content: Content) -> str:
    """Render a content without blocks, in case Slack rejects them."""
    return fit(
        content,
        _LIMITS,
        lambda each: escape(render_text(each)),
        lambda text: len(text) <= _LONGEST_TEXT,
    )


def escape(text: str) -> str:
    """Return a text that Slack shows as it is: without mentions, links, emoji or formatting."""
    spaced = _FORMATTING.sub(lambda match: f"{_GAP}{match[0]}{_GAP if match[0] else ''}", text)
    return _with_entities(spaced)


def _with_entities(text: str) -> str:
    return "".join(_ENTITIES.get(character, character) for character in text)


def _render(content: Content) -> list[Block]:
    blocks = [_header(f"{_EMOJI[content.status]} {content.title}")]
    word = WORDS[content.status]
    summary = " · ".join(filter(None, [word and f"*{word}*", escape(content.summary)]))
    if summary:
        blocks.append(_text_block(summary))
    for section in content.sections:
        blocks += _section_blocks(section)
    blocks += _link_blocks(content.links)
    if content.footer:
        blocks.append({"type": "context", "elements": [_mrkdwn(escape(content.footer))]})
    return blocks


def _section_blocks(section: Section) -> Iterator[Block]:
    title = [f"*{escape(section.title)}*"] if section.title else []
    paragraphs = map(escape, section.paragraphs)
    yield from map(_text_block, _joined([*title, *paragraphs]))
    fields = [_mrkdwn(f"*{escape(each.name)}*\n{escape(each.value)}") for each in section.facts]
    for start in range(0, len(fields), _MOST_FIELDS):
        yield {"type": "section", "fields": fields[start : start + _MOST_FIELDS]}
    if section.table is not None:
        yield from map(_text_block, _code_blocks(section.table))
    yield from _link_blocks(section.links)


def _link_blocks(links: Iterable[Link]) -> Iterator[Block]:
    texts = [f"<{_url(link.url)}|{escape(link.text)}>" for link in links]
    yield from map(_text_block, _joined(texts, " · "))


def _code_blocks(table: Table) -> Iterator[str]:
    used = [status for status in WORDS if WORDS[status] and status in table.statuses]
    legend = "  ".join(f"{SHAPES[status]} {WORDS[status]}" for status in used)
    lines = [*table_lines(table, _PHONE_WIDTH, SHAPES), *filter(None, [legend])]
    safe = (_with_entities(line.replace("`", "'")) for line in lines)
    yield from (f"```\n{text}\n```" for text in _joined(safe, "\n", _LONGEST_TEXT - 8))


def _joined(
    texts: Iterable[str], separator: str = "\n", longest: int = _LONGEST_TEXT
) -> Iterator[str]:
    """Yield the texts, as many together as fit into one block."""
    together: list[str] = []
    length = 0
    for text in texts:
        if together and length + len(separator) + len(text) > longest:
            yield separator.join(together)
            together, length = [], 0
        length += len(text) + (len(separator) if together else 0)
        together.append(text)
    if together:
        yield separator.join(together)


def _url(url: str) -> str:
    for character, code in (("|", "%7C"), ("<", "%3C"), (">", "%3E"), ('"', "%22")):
        url = url.replace(character, code)
    return _with_entities(url.replace(" ", "%20"))


def _header(text: str) -> Block:
    safe = _with_entities(text)
    return {"type": "header", "text": {"type": "plain_text", "text": safe, "emoji": False}}


def _text_block(text: str) -> Block:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> Block:
    # Verbatim: Slack makes neither links of host names nor mentions of names.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _is_within_limits(blocks: Sequence[Block]) -> bool:
    texts = list(chain.from_iterable(map(_texts, blocks)))
    return (
        len(blocks) <= _MOST_BLOCKS
        and all(len(text) <= longest for text, longest in texts)
        and sum(len(text) for text, _ in texts) <= _LONGEST_MESSAGE
    )


def _texts(block: Block) -> Iterator[tuple[str, int]]:
    """Yield each text of a block with its limit."""
    if "text" in block:
        longest = _LONGEST_HEADER if block["type"] == "header" else _LONGEST_TEXT
        yield block["text"]["text"], longest
    for field in block.get("fields", ()):
        yield field["text"], _LONGEST_FIELD
    for element in block.get("elements", ()):
        yield element["text"], _LONGEST_FIELD
