"""``docs/reference/command-line.md`` names each command and option, and no other."""

from __future__ import annotations

import re
import shlex
from argparse import ArgumentParser
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from canvas_sync_exporter.command_line import make_parser  # what --help shows is made from it
from canvas_sync_exporter.commands import EXIT_CODES
from canvas_sync_exporter.commands.analyze import ANALYZE_EXIT_CODES
from canvas_sync_exporter.commands.run import RUN_EXIT_CODES
from canvas_sync_exporter.commands.status import STATUS_EXIT_CODES
from support.command_line import each_command
from support.markdown import DOCS, blocks, pages, table

PAGE = DOCS / "reference" / "command-line.md"
PROGRAM = "canvas-sync-monitor"


@cache
def _parser() -> ArgumentParser:
    """The parser of all commands, which takes a while to make."""
    return make_parser()


def _options() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, parser in each_command(_parser(), PROGRAM):
        for action in parser._actions:
            for option in set(action.option_strings) - {"-h", "--help"}:
                found.setdefault(option, set()).add(name.removeprefix(f"{PROGRAM} "))
    return found


def _shown_commands() -> Iterator[tuple[Path, str]]:
    for page in pages():
        for block in blocks(page, "console"):
            joined = block.replace("\\\n", " ")
            for line in re.findall(r"^\$ (.*)$", joined, re.MULTILINE):
                found = re.match(rf"(?:\w+=\S* )*{PROGRAM} (.*)", line)
                if found:
                    yield page, found[1]


def test_each_command_is_documented() -> None:
    assert set(table(PAGE, "command")) == {name for name, _ in each_command(_parser(), PROGRAM)}


def test_each_option_is_documented_with_its_commands() -> None:
    rows = table(PAGE, "option")

    assert {
        name: set(re.findall(r"`([^`]+)`", cells[0])) for name, cells in rows.items()
    } == _options()


def test_each_exit_code_is_documented() -> None:
    epilog = _parser().epilog or ""

    assert set(table(PAGE, "code")) == set(re.findall(r"\b\d+\b", epilog))


def test_each_further_exit_code_of_analyze_is_documented() -> None:
    further = ANALYZE_EXIT_CODES.removeprefix(EXIT_CODES)

    assert set(table(PAGE, "code of `analyze`")) == set(re.findall(r"\b\d+\b", further))


def test_each_exit_code_of_status_is_documented() -> None:
    codes = STATUS_EXIT_CODES.partition("no exporter")[0]

    assert set(table(PAGE, "code of `status`")) == set(re.findall(r"\b\d+\b", codes))


def test_each_exit_code_of_a_wrapped_command_is_documented() -> None:
    assert set(table(PAGE, "code of `run`")) == set(re.findall(r"\b\d+\b", RUN_EXIT_CODES))


@pytest.mark.parametrize(("page", "command"), list(_shown_commands()))
def test_a_command_that_a_page_shows_is_understood(page: Path, command: str) -> None:
    words = shlex.split(command.partition(" > ")[0].partition(" | ")[0], comments=True)
    arguments = [word for word in words if word != "&"]

    try:
        _parser().parse_args(arguments)
    except SystemExit as end:
        if end.code:
            pytest.fail(f"{page.name}: {command}")
