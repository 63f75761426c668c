"""Contents of messages, as incidents and reports have them, and worse ones."""

from __future__ import annotations

from hypothesis import strategies as st

from canvas_sync_core.names import MessageKind
from canvas_sync_exporter.messages.channel import OutgoingMessage
from canvas_sync_exporter.messages.content import Content, Fact, Link, Section, Status, Table

__all__ = ["DAILY", "INCIDENT", "RESOLVED", "contents", "message", "with_error"]

INCIDENT = Content(
    kind=MessageKind.INCIDENT,
    title="full fails: Canvas refuses its access token",
    summary="The last 3 runs failed since 02:00, and 1,284 users have old grades.",
    status=Status.CRITICAL,
    sections=(
        Section(
            facts=(
                Fact("Since", "Mon 30 Nov, 02:00 (34 minutes ago)"),
                Fact("Last success", "Sun 29 Nov, 02:41"),
                Fact("Runs", "nightly-41, nightly-42, nightly-43"),
                Fact("Users", "1,284"),
            ),
        ),
        Section(
            title="Cause",
            paragraphs=(
                "Canvas responded with 401 to all calls: the token has expired.",
                "HTTPError: 401 Client Error for GET /api/v1/courses (core.sync:fetch:88)",
            ),
        ),
        Section(
            title="What to do",
            paragraphs=("Create a new token in Canvas, and write it into CANVAS_TOKEN_FILE.",),
            facts=(Fact("Request ids for support", "9f3c1d20, 77ab02ee"),),
            links=(Link("Runbook", "https://monitor.example.edu/runbooks/CanvasTokenInvalid"),),
        ),
    ),
    links=(
        Link("Open the incident", "https://monitor.example.edu/incidents/41"),
        Link("Grafana", "https://grafana.example.edu/d/canvas?from=1&to=2"),
    ),
    footer="Times are in Europe/Berlin.",
)

RESOLVED = Content(
    kind=MessageKind.INCIDENT,
    title="full recovered after 34 min",
    summary="Runs succeed again since 02:34.",
    status=Status.GOOD,
)

DAILY = Content(
    kind=MessageKind.DAILY,
    title="Canvas syncs on Sunday, 29 November",
    summary="31 of 32 runs succeeded. full failed once, and grades took twice as long as usual.",
    status=Status.WARNING,
    sections=(
        Section(
            title="Syncs",
            table=Table(
                headings=("Sync", "Runs", "Succeeded", "Items", "Duration", "Usual"),
                rows=(
                    ("full", "2", "50.0 %", "12,804", "41 min 08 s", "38 min 20 s"),
                    ("grades", "6", "100.0 %", "4,211", "8 min 12 s", "4 min 05 s"),
                    ("incremental", "24", "100.0 %", "980", "22.4 s", "23.0 s"),
                ),
                numeric=frozenset({1, 2, 3, 4, 5}),
                statuses=(Status.CRITICAL, Status.WARNING, Status.GOOD),
                shares=(0.5, 1.0, 1.0),
            ),
        ),
        Section(
            title="Failures by cause",
            table=Table(
                headings=("Cause", "Runs"),
                rows=(("Canvas refused the token", "1"),),
                numeric=frozenset({1}),
            ),
        ),
        Section(title="Due today", paragraphs=("full at 02:00, grades every 4 hours.",)),
    ),
    links=(Link("Open the report", "https://monitor.example.edu/reports/daily/2026-11-29"),),
    footer="You receive this every day at 07:30. Times are in Europe/Berlin.",
)


def message(content: Content = INCIDENT, key: str = "incident:41:opened") -> OutgoingMessage:
    """A first message."""
    return OutgoingMessage(key=key, content=content)


def with_error(text: str, rows: int = 0) -> Content:
    """A content with a text in each place, and a table of so many rows with it."""
    table = Table(("Sync", text), tuple((f"sync-{number}", text) for number in range(rows)))
    return Content(
        kind=MessageKind.FAILURES,
        title=text,
        summary=text,
        status=Status.CRITICAL,
        sections=(
            Section(
                title=text,
                paragraphs=(text,),
                facts=(Fact(text, text),),
                table=table if rows else None,
                links=(Link(text, "https://monitor.example.edu/?a=1|2&b=<3>"),),
            ),
        ),
        links=(Link(text, "https://monitor.example.edu/"),),
        footer=text,
    )


def contents() -> st.SearchStrategy[Content]:
    """Contents with any texts, even those that no report makes."""
    ends = st.sampled_from(
        ["", "<!channel>", "&", "*_~`", "\u202e", "\x1b[0m", "\ud800", "x" * 5000]
    )
    text = st.builds(str.__add__, st.text(max_size=40), ends)
    links = st.lists(
        st.builds(Link, text, st.one_of(text, st.just("https://example.edu/?a=|&b=<>"))), max_size=3
    ).map(tuple)
    cells = st.lists(text, max_size=4).map(tuple)
    tables = st.builds(
        Table,
        headings=cells,
        rows=st.lists(cells, max_size=40).map(tuple),
        numeric=st.frozensets(st.integers(-1, 9), max_size=3),
        statuses=st.lists(st.sampled_from(Status), max_size=3).map(tuple),
        shares=st.lists(st.floats(), max_size=3).map(tuple),
    )
    sections = st.builds(
        Section,
        title=text,
        paragraphs=st.lists(text, max_size=3).map(tuple),
        facts=st.lists(st.builds(Fact, text, text), max_size=12).map(tuple),
        table=st.none() | tables,
        links=links,
    )
    return st.builds(
        Content,
        kind=st.sampled_from(MessageKind),
        title=text,
        summary=text,
        status=st.sampled_from(Status),
        sections=st.lists(sections, max_size=4).map(tuple),
        links=links,
        footer=text,
    )
