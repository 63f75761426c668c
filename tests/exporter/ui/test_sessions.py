"""The cookie of a visitor who has signed in."""

from __future__ import annotations

import logging
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import time_machine

from canvas_sync_exporter.ui.sessions import SESSION_SECONDS, Sessions
from canvas_sync_exporter.web.auth import Scope, Token, new_token


def _token(name: str, scope: Scope = Scope.READ) -> Token:
    return new_token(name, scope)[1]


def test_a_cookie_is_of_one_token_and_of_its_scope(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path / "ui.key")
    one, other = _token("one"), _token("other")
    cookie = sessions.make(one)
    assert sessions.find(cookie, [other, one]) == one
    assert sessions.find(cookie, [other]) is None
    assert sessions.find(cookie, [Token(one.name, Scope.ADMIN, one.digest)]) is None
    assert sessions.find(cookie[:-1], [one]) is None


def test_a_cookie_expires(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path / "ui.key")
    token = _token("one")
    with time_machine.travel("2026-01-01", tick=False) as clock:
        cookie = sessions.make(token)
        clock.shift(SESSION_SECONDS - 1)
        assert sessions.find(cookie, [token]) == token
        clock.shift(2)
        assert sessions.find(cookie, [token]) is None


def test_processes_and_restarts_share_the_key_which_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "state" / "ui.key"
    token = _token("one")
    with ThreadPoolExecutor(8) as pool:
        cookies = list(pool.map(lambda _: Sessions(path).make(token), range(32)))
    assert all(Sessions(path).find(cookie, [token]) for cookie in cookies)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["ui.key"]


@pytest.mark.parametrize("damage", ["folder in the way", "not a key"])
def test_without_a_usable_key_file_sessions_last_until_the_restart(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "ui.key"
    if damage == "not a key":
        path.write_text("short")
    else:
        path.mkdir()
    sessions = Sessions(path)
    token = _token("one")
    with caplog.at_level(logging.WARNING):
        cookie = sessions.make(token)
    assert sessions.find(cookie, [token]) == token
    assert Sessions(path).find(cookie, [token]) is None
    assert "A restart signs visitors of the web pages out" in caplog.text
