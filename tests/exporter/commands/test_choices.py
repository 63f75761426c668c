"""Options with a fixed set of values: a wrong one is answered with those that are known."""

from __future__ import annotations

import pytest

from canvas_sync_exporter.cli import main


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (["messages", "preview", "wrong"], "daily"),
        (["messages", "list", "--state", "wrong"], "given_up"),
        (["messages", "list", "--kind", "wrong"], "incident"),
        (["runs", "--status", "wrong"], "failed"),
        (["search", "--log", "wrong"], "api_calls"),
        (["token", "new", "--name", "anna", "--scope", "wrong"], "admin"),
    ],
)
def test_a_wrong_value_is_answered_with_the_known_ones(
    words: list[str], value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(words)

    printed = capsys.readouterr().err
    assert "invalid choice: 'wrong'" in printed
    assert value in printed
    assert "<" not in printed.partition("invalid choice")[2]
