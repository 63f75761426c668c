"""``canvas-sync-monitor messages list``: what was sent, what waits, what could not be delivered."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import Any, Final, TextIO

import msgspec

from canvas_sync_core.logs import escape_controls, escape_json_controls
from canvas_sync_core.names import MessageKind, MessageState
from canvas_sync_core.store.messages.reading import MessageFilter, message_page
from canvas_sync_exporter.messages.message_view import MessageView
from canvas_sync_exporter.settings import configuration

from .databases import reading_database
from .options import add_command, add_limit, add_time_zone
from .output import Painter, note, stop_if_output_closes
from .terminal import (
    FAINT,
    GREEN,
    RED,
    YELLOW,
    Cell,
    Column,
    LocalTimes,
    print_lines,
    table_lines,
    terminal_width,
)

__all__ = ["add_list"]

_COLUMNS: Final = (
    Column("created"),
    Column("channel", rank=2),
    Column("state"),
    Column("kind", rank=3),
    Column("attempts", is_number=True, rank=4),
    Column("title", shortest=20),
)
_COLOURS: Final = {
    MessageState.WAITING: YELLOW,
    MessageState.SENDING: YELLOW,
    MessageState.SENT: GREEN,
    MessageState.GIVEN_UP: RED,
    MessageState.SKIPPED: FAINT,
}
_INDENT: Final = "    "


def add_list(group: Any) -> None:
    """Add the command to its group."""
    parser = add_command(group, "list", _list, "list messages, newest first")
    parser.add_argument(
        "--state", choices=[each.value for each in MessageState], help="only messages in this state"
    )
    parser.add_argument("--channel", metavar="NAME", help="only messages to this channel")
    parser.add_argument(
        "--kind", choices=[each.value for each in MessageKind], help="only messages of this kind"
    )
    add_limit(parser, "messages", default=20, most=10_000)
    add_time_zone(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object per line")


def _list(arguments: argparse.Namespace) -> int:
    """List messages.

    Raises:
        CanvasSyncMonitorError: A setting is wrong, or the database cannot be read.
    """
    config = configuration(os.environ)
    state = None if arguments.state is None else MessageState(arguments.state)
    wanted = MessageFilter(state, arguments.channel, arguments.kind)
    with reading_database(config) as engine:
        page = message_page(engine, wanted, arguments.limit)
    messages = [MessageView.of(each) for each in page.items]
    with stop_if_output_closes():
        if arguments.json:
            for each in messages:
                print(escape_json_controls(msgspec.json.encode(each).decode()))
        else:
            zone = arguments.tz or config.app.timezone
            print_lines(_lines(messages, zone, sys.stdout))
    if page.next is not None:
        note(f"stopped at --limit {arguments.limit}; there are more")
    return 0


def _lines(messages: Sequence[MessageView], zone: tzinfo, out: TextIO) -> Iterator[str]:
    if not messages:
        yield "No messages."
        return
    painter = Painter(out)
    times = LocalTimes(zone, (each.created_at for each in messages), has_seconds=False)
    rows = [_row(each, times) for each in messages]
    heading, *lines = table_lines(_COLUMNS, rows, terminal_width(out), painter)
    yield heading
    for each, line in zip(messages, lines, strict=True):
        yield line
        if each.last_error is not None:
            yield painter.paint(f"{_INDENT}{escape_controls(each.last_error)}", FAINT)
    yield painter.paint(f"Times are in {times.name}.", FAINT)


def _row(message: MessageView, times: LocalTimes) -> list[Cell]:
    return [
        Cell(times.format(message.created_at)),
        Cell(message.channel),
        Cell(message.state, _COLOURS[message.state]),
        Cell(message.kind),
        Cell(str(message.attempts)),
        Cell(message.title),
    ]
