"""The content of a message, independent of the channel that delivers it.

Every channel renders the same content, so a chat message and both parts of an e-mail hold the same
figures. All texts are plain: the channel escapes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from canvas_sync_core.names import MessageKind

__all__ = ["Content", "Fact", "Link", "MessageKind", "Section", "Status", "Table"]


class Status(StrEnum):
    """How good or bad the subject of a message or a row is; shown by word, shape and color."""

    GOOD = "good"
    NEUTRAL = "neutral"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Link:
    """A link to a page, a runbook or a dashboard."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A name with its value, such as "Since" and "02:00 (34 minutes ago)"."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts.

    Attributes:
        headings: The heading of each column.
        rows: The cells of each row, as many as there are headings.
        numeric: Indexes of the columns that are aligned to the right.
        statuses: The status of each row; empty if rows have none.
        shares: For each row the length of its bar, from 0 to 1; empty without bars.
        omitted: How many more rows there are that are not shown.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()
    statuses: tuple[Status, ...] = ()
    shares: tuple[float, ...] = ()
    omitted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a message.

    Attributes:
        title: Its heading; empty for none.
        paragraphs: Sentences.
        facts: Names with values.
        table: A table.
        links: Links that belong to this part.
    """

    title: str = ""
    paragraphs: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    table: Table | None = None
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a message holds.

    Attributes:
        kind: What it is about.
        title: One line: the subject of an e-mail, the header in Slack.
        summary: One or two sentences that say what a reader needs to know first.
        status: The worst status of anything in it.
        sections: The details, most important first.
        links: Where to read on.
        footer: Why the reader gets this, and in which time zone its times are.
    """

    kind: MessageKind
    title: str
    summary: str
    status: Status
    sections: tuple[Section, ...] = ()
    links: tuple[Link, ...] = ()
    footer: str = ""
