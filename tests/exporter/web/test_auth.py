"""Access tokens and their file."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.errors import SettingsError
from canvas_sync_exporter.web.auth import (
    Scope,
    Token,
    TokenFile,
    append_token,
    hash_token,
    new_token,
    parse_tokens,
)
from support.irregular_files import IRREGULAR_FILES

_DIGEST = "0" * 64


def _write(path: Path, *lines: str, mode: int = 0o600) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    path.chmod(mode)
    return path


def test_the_line_of_a_new_token_has_only_its_hash() -> None:
    secret, token = new_token("prometheus", Scope.METRICS)
    assert secret not in token.line()
    assert token.line() == f"prometheus metrics sha256:{hash_token(secret)}"
    assert parse_tokens(token.line()) == (token,)


def test_comments_and_empty_lines_are_allowed() -> None:
    lines = ["# who may ask", "", f"  ci   read  sha256:{_DIGEST} # the build server"]
    assert [token.name for token in parse_tokens("\n".join(lines))] == ["ci"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "no token"),
        ("# nothing\n", "no token"),
        (f"ci write sha256:{_DIGEST}", "line 1: use"),
        (f"ci read {_DIGEST}", "line 1: use"),
        (f"ci read sha256:{_DIGEST[1:]}", "line 1: use"),
        ("ci read secret-token", "line 1: use"),
        (
            f"ci read sha256:{_DIGEST}\nci read sha256:{_DIGEST}",
            "line 2: the name 'ci' is used twice",
        ),
    ],
)
def test_an_invalid_line_is_reported_with_its_number(content: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        parse_tokens(content)


_NAMES = st.from_regex(r"[\w.@-]{1,20}", fullmatch=True)
_TOKENS = st.builds(new_token, _NAMES, st.sampled_from(Scope)).map(lambda made: made[1])


@given(st.lists(_TOKENS, min_size=1, unique_by=lambda token: token.name))
def test_what_was_written_is_read(tokens: list[Token]) -> None:
    assert parse_tokens("\n".join(token.line() for token in tokens)) == tuple(tokens)


@given(st.text())
def test_text_that_names_no_hash_is_refused(content: str) -> None:
    with pytest.raises(ValueError, match=r"line|token"):
        parse_tokens(content)


@given(st.text())
def test_no_guess_is_accepted_as_a_token(guess: str) -> None:
    secret, token = new_token("a", Scope.READ)
    assert (hash_token(guess) == token.digest) == (guess == secret)


@pytest.mark.parametrize("scope", Scope)
def test_a_scope_covers_itself_and_admin_covers_all(scope: Scope) -> None:
    assert {needed for needed in Scope if scope.covers(needed)} == (
        set(Scope) if scope is Scope.ADMIN else {scope}
    )


def test_the_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    first, first_token = new_token("first", Scope.READ)
    second, second_token = new_token("second", Scope.READ)
    tokens = TokenFile(_write(tmp_path / "tokens", first_token.line()))
    assert tokens.find(first) == first_token
    assert tokens.find(second) is None
    _write(tmp_path / "tokens", second_token.line(), "# replaced")
    assert tokens.find(first) is None
    assert tokens.find(second) == second_token


@pytest.mark.parametrize("damage", ["malformed", "emptied", "removed", "writable by others"])
def test_a_damaged_file_leaves_the_tokens_read_before_in_force(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    secret, token = new_token("ci", Scope.READ)
    path = _write(tmp_path / "tokens", token.line())
    tokens = TokenFile(path)
    match damage:
        case "malformed":
            _write(path, "what is this")
        case "emptied":
            os.truncate(path, 0)
        case "removed":
            path.unlink()
        case _:
            path.chmod(0o666)
    for _ in range(3):
        assert tokens.find(secret) == token
    assert caplog.text.count("stay in force") == 1
    replacement, replacement_token = new_token("ci", Scope.READ)
    _write(path, replacement_token.line(), "# repaired")
    assert tokens.find(replacement) == replacement_token


def test_an_unusable_file_stops_the_start_and_says_how_to_make_one(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path, _write(tmp_path / "bad", "ci read token")):
        with pytest.raises(SettingsError, match="canvas-sync-monitor token new"):
            TokenFile(path)


def test_a_file_that_others_may_write_is_refused(tmp_path: Path) -> None:
    _, token = new_token("ci", Scope.READ)
    with pytest.raises(SettingsError, match="others may write"):
        TokenFile(_write(tmp_path / "tokens", token.line(), mode=0o620))


def test_a_file_that_others_may_read_is_used_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret, token = new_token("ci", Scope.READ)
    with caplog.at_level(logging.WARNING):
        tokens = TokenFile(_write(tmp_path / "tokens", token.line(), mode=0o644))
    assert tokens.find(secret) == token
    assert "others may read it" in caplog.text


@pytest.mark.parametrize("kind", IRREGULAR_FILES)
def test_no_token_is_added_to_an_irregular_file(tmp_path: Path, kind: str) -> None:
    make, complaint = IRREGULAR_FILES[kind]
    make(tmp_path / "tokens")
    with pytest.raises((ValueError, OSError), match=complaint):
        append_token(tmp_path / "tokens", new_token("ci", Scope.READ)[1])
