"""The report as a user asks for it, on the logs of the demo and on generated ones."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from collections import Counter
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from support.analyze_command import COMMAND, ROOT, SCRIPT, analyzed, environment, printed_by
from support.command_line import run_here
from support.demo_round import DemoRound
from support.log_lines import records_in
from support.run_lines import nightly_lines, write_operations
from support.sync_logs import generate, line_of_record


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logs")
    for log, records in generate(60).items():
        (folder / f"{log.value}.log").write_bytes(b"".join(map(line_of_record, records)))
    return folder


@pytest.fixture(scope="module")
def text(logs: Path) -> str:
    """The report of the logs for a terminal."""
    return analyzed(logs)


@pytest.fixture(scope="module")
def page(logs: Path) -> str:
    """The report of the logs as a page."""
    return analyzed(logs, "--html")


@pytest.fixture(scope="module")
def parsed(page: str) -> _Page:
    """The parts of that page."""
    parsed = _Page()
    parsed.feed(page)
    return parsed


def lines_of(folder: Path, log: str) -> list[dict[str, Any]]:
    return records_in(folder / f"{log}.log")


class _Page(HTMLParser):
    """The rows of all tables, what the page would load, and its links to parts of itself."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: Counter[str] = Counter()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self._is_in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        for name, value in attrs:
            if name == "href" and (value or "").startswith("#"):
                self.links.append((value or "")[1:])
            elif name in {"src", "href"}:
                self.loads.append(f"{name}={value}")
            elif name == "id":
                self.ids.append(value or "")
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")
            self._is_in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self._is_in_cell = self._is_in_cell and tag not in {"td", "th"}

    def handle_data(self, data: str) -> None:
        if self._is_in_cell:
            self.rows[-1][-1] += data


def test_the_demos_syncs_are_reported_as_they_went(demo_round: DemoRound) -> None:
    report = json.loads(analyzed(demo_round.logs, "--json"))
    calls = [each for each in lines_of(demo_round.logs, "api_calls") if each["event"] == "api_call"]
    failed = [call for call in calls if call.get("status_code", 999) >= 400]
    total = report["api"]["total"]
    assert (total["count"], total["failed"]) == (len(calls), len(failed))
    assert {row["name"]: row["count"] for row in report["api"]["by_route"]} == Counter(
        call["route"] for call in calls
    )
    assert report["api"]["throttled"] == sum(call.get("throttled", False) for call in calls) > 0
    statuses = {row["status"]: row["count"] for row in report["runs"]["by_status"]}
    assert (statuses["success"], statuses["partial"], statuses["failed"]) == (4, 1, 1)
    troubled = {row["user_id"]: row["error"] for row in report["runs"]["troubled"]}
    assert troubled[46] == "Expired access token."
    assert report["errors"]["count"] == len(lines_of(demo_round.logs, "errors"))
    assert {row["operation"] for row in report["database"]} >= {"INSERT", "SELECT"}
    assert report["longest_gaps"][0]["seconds"] > 0
    assert (report["unreadable"], report["problems"], report["unknown_events"]) == ([], [], [])


def test_the_command_and_the_script_report_the_same(logs: Path) -> None:
    now = ("--now", "2026-11-29")  # the report says for how long a run is missing
    by_setting = printed_by(*COMMAND, *now, CANVAS_SYNC_LOG_DIR=str(logs))
    assert by_setting == printed_by(*SCRIPT, *now, "--log-dir", str(logs))
    assert by_setting.startswith("Canvas sync logs\n")


@pytest.mark.parametrize(
    ("status", "codes"),
    [("success", (0, 0, 0)), ("partial", (0, 3, 0)), ("failed", (0, 3, 3))],
)
def test_fail_on_sets_the_exit_code(
    tmp_path: Path, status: str, codes: tuple[int, int, int]
) -> None:
    ended = {"event": "run_ended", "status": status, "duration_seconds": 1.0, "task_id": "n-1"}
    stamp = "2025-12-22T10:15:30.000000Z"
    start = {"event": "run_started", "status": "running", "task_id": "n-1", "sync_type": "full"}
    lines = [line_of_record({"timestamp": stamp, **record}) for record in (start, ended)]
    (tmp_path / "operations.log").write_bytes(b"".join(lines))
    found = (
        run_here(["analyze", *chosen, "--log-dir", str(tmp_path)], tmp_path).returncode
        for chosen in ((), ("--fail-on", "warning"), ("--fail-on", "critical"))
    )
    assert tuple(found) == codes


def test_the_verdict_counts_the_lines_before_the_period_and_no_later_than_now(
    tmp_path: Path,
) -> None:
    last = datetime(2026, 11, 4, 2, 0, tzinfo=UTC)
    living = nightly_lines("grades", last + timedelta(days=21), 60)
    write_operations(tmp_path, [*nightly_lines("full", last, 40), *living])

    def kinds(*arguments: str) -> list[str]:
        options = ["--json", "--fail-on", "critical", "--log-dir", str(tmp_path), *arguments]
        done = run_here(["analyze", *options], tmp_path)
        found = [each["kind"] for each in json.loads(done.stdout)["attention"]]
        assert done.returncode == (3 if "missed" in found else 0)
        return found

    end = "2026-11-25T03:00:00Z"
    assert kinds("--now", end) == kinds("--since", "2026-11-24", "--until", end) == ["missed"]
    assert kinds("--now", "2026-11-04T03:00:00Z") == []


def test_some_runs_are_reported_but_not_judged(tmp_path: Path) -> None:
    write_operations(tmp_path, nightly_lines("full", datetime(2026, 11, 4, 2, tzinfo=UTC), 40))
    given = ["analyze", "--log-dir", str(tmp_path), "--user", "42"]
    assert "\nNot judged\n" in run_here(given, tmp_path).stdout
    page = run_here([*given, "--html"], tmp_path).stdout
    assert ">Not judged</h2>" in page
    assert "Nothing needs attention" not in page
    refused = run_here([*given, "--fail-on", "critical"], tmp_path)
    assert refused.returncode == 2
    assert "argument --fail-on: cannot be combined with --user or --task" in refused.stderr


def test_text_and_html_show_the_same_tables(text: str, parsed: _Page) -> None:
    squeezed = {" ".join(line.split()) for line in text.splitlines()}
    assert len(parsed.rows) > 60
    for row in parsed.rows:
        wanted = " ".join(" ".join(cell.split()) for cell in row if cell)
        assert any(line.startswith(wanted) for line in squeezed), wanted


def duration(seconds: float) -> str:
    """A duration as the text and the page write it."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.1f} ms"
    minutes, rest = divmod(round(seconds), 60)
    return f"{seconds:.1f} s" if seconds < 119.95 else f"{minutes} min {rest:02d} s"


def cells_of(row: dict[str, Any], *names: str) -> list[str]:
    """The cells of a row of the JSON report."""
    shown = []
    for name in names:
        value = row[name]
        if name in {"average", "p50", "p95", "p99", "max", "backoff_seconds"}:
            shown.append(duration(value))
        elif name == "error_rate":
            shown.append(f"{value * 100:.1f} %")
        else:
            shown.append(f"{value:,}" if isinstance(value, int) else value)
    return shown


def test_text_and_page_show_the_figures_of_the_json_report(
    logs: Path, text: str, parsed: _Page
) -> None:
    report = json.loads(analyzed(logs, "--json"))
    on_page = [row[:-1] if row[-1] == "" else row for row in parsed.rows]
    lines = {" ".join(line.split()) for line in text.splitlines()}
    timing = ("count", "average", "p50", "p95", "p99", "max")
    api, errors = report["api"], report["errors"]
    kinds: list[tuple[list[dict[str, Any]], tuple[str, ...]]] = [
        (report["runs"]["by_status"], ("sync_type", "status", *timing)),
        (api["by_route"], ("name", "failed", "error_rate", *timing)),
        (api["by_status"], ("name", "failed", "error_rate", *timing)),
        (api["by_method"], ("name", "failed", "error_rate", *timing)),
        (api["throttling"], ("route", "throttled", "retries", "backoff_seconds")),
        (
            report["database"],
            ("operation", "table", "rows", "failed", "error_rate", *timing),
        ),
        *((errors[by], ("name", "count")) for by in errors if by.startswith("by_")),
    ]
    for rows, names in kinds:
        assert rows
        for row in rows:
            cells = cells_of(row, *names)
            assert cells in on_page
            assert any(line.startswith(" ".join(cells)) for line in lines), cells
    for row in errors["newest"]:
        told_of_it = f"{row['error_type']}: {row['error']}"
        assert any(told_of_it in line for line in lines)
        assert any(told_of_it in cells for cells in on_page)


def test_the_page_needs_nothing_else_and_has_charts(parsed: _Page) -> None:
    assert parsed.loads == []
    assert parsed.tags["script"] == parsed.tags["link"] == parsed.tags["img"] == 0
    assert parsed.tags["svg"] > 10
    assert parsed.tags["rect"] > parsed.tags["svg"]
    assert parsed.tags["circle"] > 0


def test_each_link_of_the_page_leads_to_a_part_of_it(parsed: _Page) -> None:
    assert {"runs", "api-calls", "database", "errors"} <= set(parsed.links)
    assert set(parsed.links) <= set(parsed.ids)
    assert len(parsed.ids) == len(set(parsed.ids))


def test_every_form_says_first_what_needs_attention(demo_round: DemoRound) -> None:
    sentences = ("Canvas refuses an access token used by full for user 46.", "1 of 7 runs failed.")
    text = analyzed(demo_round.logs)
    page = analyzed(demo_round.logs, "--html")
    report = json.loads(analyzed(demo_round.logs, "--json"))
    texts = {each["kind"]: each["text"] for each in report["attention"]}
    assert texts.pop("token_refused").startswith(sentences[0])
    # Where processes start slowly, the killed run is a round of its own.
    assert texts.keys() <= {"interrupted"}
    assert sentences[1] in {note["text"] for note in report["notes"]}
    for sentence in sentences:
        assert text.index(sentence) < text.index("by type and status")
        assert page.index(sentence) < page.index("by type and status")


def test_nothing_from_a_log_can_act_on_a_page_or_a_terminal(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>\x1b[31m\x07"
    record = {
        "timestamp": "2025-12-22T10:15:30.000000Z",
        "event": "error",
        "operation": evil,
        "error_type": evil,
        "error": evil,
        "task_id": evil,
    }
    (tmp_path / "errors.log").write_bytes(line_of_record(record))
    outputs = {form: analyzed(tmp_path, form) for form in ("--top=5", "--html", "--json")}
    assert "<script" not in outputs["--html"]
    assert "&lt;script&gt;" in outputs["--html"]
    for output in outputs.values():
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f]", output)


@pytest.mark.parametrize("name", ["report.json", "report.HTML", "report.txt", "report"])
def test_output_takes_its_form_from_the_name_and_prints_nothing(
    logs: Path, tmp_path: Path, name: str
) -> None:
    file = tmp_path / name
    assert analyzed(logs, "--output", str(file)) == ""
    start = {".json": "{", ".html": "<!doctype html>"}.get(file.suffix.lower(), "Canvas")
    assert file.read_text(encoding="utf-8").startswith(start)


def test_a_form_that_is_asked_for_goes_into_a_file_of_any_name(logs: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.of.today"
    assert analyzed(logs, "--json", "--output", str(file)) == ""
    assert json.loads(file.read_bytes())["problems"] == []


def test_filters_are_taken_from_the_command_line(logs: Path) -> None:
    options = ["--user", "3", "--since", "2025-11-28", "--until", "2025-11-29T06:00:00+01:00"]
    report = json.loads(analyzed(logs, "--json", *options, "--top", "2"))
    assert report["filters"] == {
        "since": "2025-11-28T00:00:00Z",
        "until": "2025-11-29T05:00:00Z",
        "user_id": 3,
        "task_id": None,
        "top": 2,
    }
    wanted = [
        call
        for call in lines_of(logs, "api_calls")
        if call["user_id"] == 3 and call["timestamp"] < "2025-11-29T05"
    ]
    assert report["api"]["total"]["count"] == len(wanted) > 0


def test_a_terminal_gets_colour_and_a_progress_bar_unless_it_says_no(logs: Path) -> None:
    def on_terminal(**settings: str) -> str:
        (logs / "state" / "analysis.cache").unlink(missing_ok=True)
        parent, child = pty.openpty()
        with subprocess.Popen(
            [*SCRIPT, "--log-dir", str(logs)],
            env=environment(**settings),
            stdout=child,
            stderr=child,
        ) as process:
            os.close(child)
            shown = b""
            try:
                while data := os.read(parent, 65536):
                    shown += data
            except OSError:  # the terminal is closed
                pass
            assert process.wait(600) == 0
        os.close(parent)
        return shown.decode()

    coloured = on_terminal()
    assert "\x1b[31m" in coloured
    assert "reading logs [" in coloured
    plain = on_terminal(NO_COLOR="1")
    assert "\x1b[31m" not in plain


def test_a_terminal_without_unicode_gets_bars_too(logs: Path) -> None:
    text = printed_by(
        *SCRIPT, "--log-dir", str(logs), PYTHONUTF8="0", PYTHONIOENCODING="ascii", LC_ALL="C"
    )
    assert text.isascii()
    assert "####" in text


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--log-dir", "/nowhere/at/all"], 1, "/nowhere/at/all: No such file or directory"),
        (["--log-dir", str(ROOT / "pyproject.toml")], 1, "Not a directory"),
        (
            ["--output", "/nowhere/report.txt"],
            1,
            "/nowhere/report.txt cannot be written: No such file or directory. Use --output",
        ),
        (["--output", "report.pdf"], 2, "ends with one of .txt, .json, .html, .htm"),
        (["--since", "yesterday"], 2, "use a time such as"),
        (["--top", "0"], 2, "1 to 100"),
        (["--user", "me"], 2, "argument --user: use a number from 0 to"),
        (["--since", "1h", "--until", "2h"], 2, "argument --until: use a later time than"),
        (["--until", "2h", "--since", "2h"], 2, "argument --until: use a later time than"),
        (["--json", "--html"], 2, "not allowed"),
    ],
)
def test_what_cannot_be_done_is_reported_without_a_traceback(
    logs: Path, arguments: list[str], code: int, message: str
) -> None:
    done = run_here(["analyze", *arguments], logs, {"CANVAS_SYNC_LOG_DIR": str(logs)})
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_long_trend_is_folded_under_a_chart_that_names_its_days(tmp_path: Path) -> None:
    days = [f"2025-{month:02d}-{day:02d}" for month in (1, 2) for day in range(1, 29)]
    (tmp_path / "errors.log").write_bytes(
        b"".join(
            line_of_record({"timestamp": f"{day}T10:00:00Z", "event": "error"}) for day in days
        )
    )
    page = analyzed(tmp_path, "--html")
    assert "<details><summary>All 56 rows</summary>" in page
    assert "Columns: errors by day, 2025-01-01 to 2025-02-28." in page
    assert ">Jan 1</text>" in page
    assert ">Feb 28</text>" in page
    assert page.index("<h3>by day</h3>") < page.index("Columns: errors by day")
    parsed = _Page()
    parsed.feed(page)
    assert [row[0] for row in parsed.rows if row[0] in days] == days


@pytest.mark.parametrize("form", ["--top=100", "--json", "--html"])
def test_a_reader_that_leaves_ends_it_in_silence(logs: Path, form: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*COMMAND, form, "--log-dir", str(logs)],
        env=environment(),
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")
