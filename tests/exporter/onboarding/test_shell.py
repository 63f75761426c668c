"""Lines of shell, and the lines in them that another shell gets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_exporter.onboarding.shell import (
    all_commands,
    inner_line,
    shell_words,
    split_commands,
)


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("bash -c 'a b'", "a b"),
        ("/usr/bin/zsh -lc 'a b' name", "a b"),
        ("sh -e -u -c -- 'a b'", "a b"),
        ("bash -o pipefail -c 'a b'", "a b"),
        ("bash --rcfile ~/.rc -ic 'a b'", "a b"),
        ("nice -n 10 timeout 60 sh -c 'a b'", "a b"),
        ("su -s /bin/sh -c 'a b' lms", "a b"),
        ("runuser -l lms --command='a b'", "a b"),
        ("su - lms --command 'a b'", "a b"),
        ("script -qec 'a b' /dev/null", "a b"),
        ("bash sync.sh -c 'a b'", None),
        ("bash -l", None),
        ("bash -c", None),
        ("python -c 'a b'", None),
        ("su lms", None),
        ("ls -c", None),
    ],
)
def test_the_line_for_a_shell_is_found_among_its_options(command: str, line: str | None) -> None:
    assert inner_line(shell_words(command)) == line


def test_a_line_within_a_line_is_followed_to_the_innermost() -> None:
    words = shell_words("""sh -c "cd a; bash -c 'b | c > d'"; e""")
    assert [command[0] for command in all_commands(words)] == ["sh", "cd", "bash", "b", "c", "e"]
    assert [command[0] for command in split_commands(words)] == ["sh", "e"]


@given(st.text("sh -c'\"\\ ab;&|()<>\n", max_size=60))
def test_no_line_is_too_odd_to_be_read(line: str) -> None:
    assert all(all_commands(shell_words(line)))
