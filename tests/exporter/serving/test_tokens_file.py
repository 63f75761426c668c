"""The tokens file while the exporter serves: whatever becomes of it, requests are answered."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from canvas_sync_exporter.web.auth import Scope, append_token, new_token
from support.irregular_files import IRREGULAR_FILES
from support.serve_process import COMMAND, ServeProcess, run_to_end, serve_process

ASK_SECONDS = 10
"""A request that hangs fails the test; a loaded machine may still be slow."""


@pytest.fixture
def tokens(tmp_path: Path) -> tuple[Path, str]:
    secret, token = new_token("ci", Scope.READ)
    append_token(tmp_path / "tokens", token)
    return tmp_path / "tokens", secret


@pytest.fixture
def serving(tmp_path: Path, tokens: tuple[Path, str]) -> Iterator[ServeProcess]:
    settings = {"CANVAS_SYNC_TOKENS_FILE": str(tokens[0])}
    with serve_process(tmp_path, settings=settings) as served:
        yield served


def _ask(served: ServeProcess, secret: str) -> int:
    return requests.get(
        f"{served.url}/api/canvas/metrics/recent",
        headers={"Authorization": f"Bearer {secret}"},
        timeout=ASK_SECONDS,
    ).status_code


def _cut_in_half(path: Path) -> None:
    content = path.with_suffix(".old").read_text()
    path.write_text(content[: len(content) // 2])
    path.chmod(0o600)


CASES: dict[str, tuple[Callable[[Path], object], str]] = {
    **IRREGULAR_FILES,
    "nothing": (lambda path: None, "No such file"),
    "half a line": (_cut_in_half, "line 1: use"),
}


def test_the_last_good_tokens_stay_in_force_whatever_replaces_the_file(
    serving: ServeProcess, tokens: tuple[Path, str]
) -> None:
    path, secret = tokens
    for count, (make, complaint) in enumerate(CASES.values(), start=1):
        assert _ask(serving, secret) == 200
        path.rename(path.with_suffix(".old"))
        make(path)
        for _ in range(3):
            assert _ask(serving, secret) == 200
            assert _ask(serving, "wrong") == 401
        serving.wait_for_log(rf"{re.escape(str(path))}.*{complaint}.*stay in force")
        assert serving.log.count("stay in force") == count

        other, token = new_token("other", Scope.READ)
        if path.is_dir():
            path.rmdir()
        path.unlink(missing_ok=True)
        append_token(path, token)
        assert _ask(serving, other) == 200
        assert _ask(serving, secret) == 401
        secret = other


def test_serve_does_not_wait_for_a_fifo_at_its_start(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "tokens")
    command = [*COMMAND, "serve", "--port", "0"]
    refused = run_to_end(command, tmp_path, {"CANVAS_SYNC_TOKENS_FILE": "tokens"})
    assert refused.returncode == 2
    assert "CANVAS_SYNC_TOKENS_FILE names 'tokens'" in refused.stderr
    assert "it is a FIFO" in refused.stderr
