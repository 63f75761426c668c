from __future__ import annotations

import io

from canvas_sync_core.names import MessageKind
from canvas_sync_exporter.commands.content_lines import content_lines
from canvas_sync_exporter.commands.output import Painter
from canvas_sync_exporter.messages.content import Content, Fact, Link, Section, Status, Table

CONTENT = Content(
    kind=MessageKind.DAILY,
    title="Title",
    summary="A summary that is long enough to need several lines on a narrow terminal.",
    status=Status.GOOD,
    sections=(
        Section(
            title="Part",
            paragraphs=("One paragraph.",),
            facts=(Fact("Since", "02:00"), Fact("Users", "3")),
            table=Table(("Name", "Runs"), (("full\x1b", "7"), ("grades", "12")), frozenset({1})),
            links=(Link("Page", "https://example.edu/"),),
        ),
    ),
    links=(Link("More", "https://example.edu/more"),),
    footer="The end.",
)


def test_every_part_of_a_message_is_shown() -> None:
    assert list(content_lines(CONTENT, 40, Painter(io.StringIO()))) == [
        "Title",
        "A summary that is long enough to need",
        "several lines on a narrow terminal.",
        "",
        "Part",
        "One paragraph.",
        "Since  02:00",
        "Users  3",
        "Name      Runs",
        "full\\x1b     7",
        "grades      12",
        "Page: https://example.edu/",
        "More: https://example.edu/more",
        "",
        "The end.",
    ]
