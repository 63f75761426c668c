"""The demo, as a user starts and ends it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from canvas_sync_core.errors import SettingsError
from canvas_sync_demo.canvas_server import CanvasServer
from canvas_sync_demo.processes import DemoError
from canvas_sync_demo.run import DemoOptions, run_demo
from support.demo_round import SEED, DemoRound
from support.demo_syncs import forked_demo
from support.many_texts import any_of

STATUSES = {
    41: "success",
    42: "success",
    43: "success",
    44: "success",
    45: "partial",
    46: "failed",
    47: "interrupted",
}


WITH_TWO_USERS = """
from canvas_sync_demo import run
from canvas_sync_exporter import cli

run.CAST = (run.CAST[0], run.CAST[5])
raise SystemExit(cli.script())
"""


@contextmanager
def show(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """The command as a user types it, but with two of its users, one of whom has errors."""
    fixed = ["--data-dir", str(folder), "--port", "0", "--seed", str(SEED)]
    with subprocess.Popen(
        [sys.executable, "-c", WITH_TWO_USERS, "demo", *fixed],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def statuses_in(output: str) -> dict[int, str]:
    """Status by user, from the table that the demo prints."""
    words = "|".join(set(STATUSES.values()))
    found = re.findall(rf"^ +(\d+) .*\b({words})\b", output, re.MULTILINE)
    return {int(user): status for user, status in found}


def test_one_round_shows_each_way_a_sync_can_end_and_leaks_nothing(demo_round: DemoRound) -> None:
    assert (demo_round.command.returncode, demo_round.command.stderr) == (0, "")
    assert statuses_in(demo_round.command.stdout) == STATUSES
    assert "\x1b" not in demo_round.command.stdout
    with CanvasServer(SEED) as server:
        secrets = any_of(server.secrets)
    looked_at = [
        file
        for file in demo_round.folder.rglob("*")
        if file.is_file() and not file.name.startswith("app.sqlite3")
    ]
    assert len(looked_at) > 10
    for file in looked_at:
        assert not secrets.search(file.read_bytes()), file


def test_every_printed_command_works_as_printed_and_ctrl_c_ends_it_all(tmp_path: Path) -> None:
    with show(tmp_path / "my data") as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.strip())
            if line.startswith("The next round follows"):
                break
        commands = [line for line in lines if re.match(r"(curl|tail|sqlite3|\S*python\S*) ", line)]
        assert len(commands) == 12
        for command in commands:
            done = subprocess.run(
                command, shell=True, text=True, capture_output=True, timeout=600, check=False
            )
            assert (done.returncode, done.stderr) == (0, ""), command
            assert done.stdout.strip(), command
            assert "application/problem" not in done.stdout, command
        docs = next(line for line in lines if line.endswith("/api/canvas/docs"))
        assert requests.get(docs, timeout=60).ok
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=600)
        assert (process.returncode, errors) == (0, "")
        assert "has ended" in rest
        with pytest.raises(requests.ConnectionError):
            requests.get(docs, timeout=60)


def test_your_own_canvas_is_synced_with_the_token_in_the_file(
    tmp_path: Path, canvas_server: CanvasServer, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "token"
    file.write_text(f"{canvas_server.tokens[42]}\nnot the token\n")
    options = DemoOptions(
        once=True, data_dir=tmp_path / "data", port=0, canvas_url=canvas_server.url, token_file=file
    )
    with forked_demo():
        assert run_demo(options) == 0
    assert statuses_in(capsys.readouterr().out) == {42: "success"}


class TestWrongOptions:
    @pytest.mark.parametrize("content", ["", "\n1~token", "two words\n", "gr\u00fcn"])
    def test_a_token_file_without_a_token(self, tmp_path: Path, content: str) -> None:
        file = tmp_path / "token"
        file.write_text(content, encoding="utf-8")
        with pytest.raises(SettingsError, match=r"--token-file: .* no access token"):
            run_demo(
                DemoOptions(data_dir=tmp_path, canvas_url="http://127.0.0.1:1", token_file=file)
            )

    def test_a_token_file_that_is_not_there(self, tmp_path: Path) -> None:
        options = DemoOptions(
            data_dir=tmp_path, canvas_url="http://127.0.0.1:1", token_file=tmp_path / "none"
        )
        with pytest.raises(SettingsError, match="cannot be read"):
            run_demo(options)

    def test_only_one_of_the_two_options_that_a_real_canvas_needs(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="go together"):
            run_demo(DemoOptions(data_dir=tmp_path, canvas_url="http://127.0.0.1:1"))
        with pytest.raises(SettingsError, match="go together"):
            run_demo(DemoOptions(data_dir=tmp_path, token_file=tmp_path / "token"))

    def test_a_canvas_that_refuses_the_token(
        self, tmp_path: Path, canvas_server: CanvasServer
    ) -> None:
        """The message names the reason and never the token."""
        file = tmp_path / "token"
        file.write_text("1~demoWrong")
        options = DemoOptions(data_dir=tmp_path, canvas_url=canvas_server.url, token_file=file)
        with pytest.raises(SettingsError, match="Invalid access token") as caught:
            run_demo(options)
        assert "1~demoWrong" not in str(caught.value)

    def test_a_port_that_is_taken(self, tmp_path: Path, canvas_server: CanvasServer) -> None:
        port = int(canvas_server.url.rpartition(":")[2])
        with pytest.raises(DemoError, match=f"Port {port} .* taken"):
            run_demo(DemoOptions(data_dir=tmp_path, port=port))
        assert list(tmp_path.iterdir()) == []
