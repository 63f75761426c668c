"""Options that several commands share."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta

import pytest

from canvas_sync_exporter.commands.options import add_limit, add_period, add_time_zone, number


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser("command")


@pytest.mark.parametrize("raw", ["0", "11", "-1", "1.5", "one", "", "¹"])
def test_a_number_outside_its_bounds_is_rejected(raw: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="use a number from 1 to 10"):
        number(1, 10)(raw)
    assert [number(1, 10)(text) for text in ("1", "10")] == [1, 10]


def test_a_limit_has_a_default_which_its_help_names(parser: argparse.ArgumentParser) -> None:
    add_limit(parser, "runs", default=20, most=100)
    assert parser.parse_args([]).limit == 20
    assert parser.parse_args(["--limit", "100"]).limit == 100
    assert "maximum number of runs (20)" in parser.format_help()
    with pytest.raises(SystemExit):
        parser.parse_args(["--limit", "101"])


def test_a_period_takes_dates_and_ages(parser: argparse.ArgumentParser) -> None:
    add_period(parser, since="then or later", until="before then")
    found = parser.parse_args(["--until", "1h", "--since", "2025-12-22"])
    assert found.since == datetime(2025, 12, 22, tzinfo=UTC)
    assert datetime.now(UTC) - found.until >= timedelta(hours=1)


@pytest.mark.parametrize(
    "bounds", [["--since", "1h", "--until", "2h"], ["--until", "2h", "--since", "1h"]]
)
def test_an_empty_period_is_refused_in_either_order(
    parser: argparse.ArgumentParser, bounds: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    add_period(parser, since="then or later", until="before then")
    with pytest.raises(SystemExit):
        parser.parse_args(bounds)
    assert "argument --until:" in capsys.readouterr().err


def test_an_unknown_zone_is_refused(
    parser: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str]
) -> None:
    add_time_zone(parser)
    assert str(parser.parse_args(["--tz", "Europe/Berlin"]).tz) == "Europe/Berlin"
    with pytest.raises(SystemExit):
        parser.parse_args(["--tz", "Mars/Olympus"])
    assert "argument --tz:" in capsys.readouterr().err
