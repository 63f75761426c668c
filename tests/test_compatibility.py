"""What users depend on stays as it was in the last release, or is deprecated first."""

from __future__ import annotations

from typing import Any

import pytest

from canvas_sync_core.version import VERSION
from support.surface import breaks, recorded_surface, surface

_WHAT_TO_DO = """
since {version}. Deprecate it instead: keep the old name working beside the new one, with a
DeprecationWarning or a line in the log, and list it under Deprecated in CHANGELOG.md. If it has
been deprecated for as long as docs/reference/compatibility.md promises, or no release has it yet,
call `make surface`.
"""
_BEFORE = {"command": {"run": "a command", "run(--name)": "takes a value"}}


def test_nothing_that_users_depend_on_is_removed_or_changed() -> None:
    version, before = recorded_surface()
    broken = list(breaks(before, surface()))
    assert not broken, "\n".join(broken) + _WHAT_TO_DO.format(version=version)


def test_the_recorded_surface_is_not_of_a_later_version() -> None:
    version, _ = recorded_surface()
    assert _numbers(version) <= _numbers(VERSION)


def test_the_surface_has_names_of_every_kind() -> None:
    assert [kind for kind, names in surface().items() if len(names) < 20] == []


@pytest.mark.parametrize(
    ("now", "broken"),
    [
        ({"run": "a command"}, ["The command run(--name) is gone"]),
        (
            {"run": "a command", "run(--name)": "takes nothing"},
            ["The command run(--name) was: takes a value; it is now: takes nothing"],
        ),
        (
            {**_BEFORE["command"], "run(--host)": "required, takes a value"},
            ["The command run(--host) is new and required"],
        ),
        ({**_BEFORE["command"], "run(--host)": "takes a value"}, []),
        ({**_BEFORE["command"], "new": "a command", "new(file)": "required"}, []),
    ],
)
def test_only_additions_break_nothing(now: dict[str, Any], broken: list[str]) -> None:
    assert list(breaks(_BEFORE, {"command": now})) == broken


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]
