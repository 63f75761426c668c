"""Mistakes in a configuration file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from canvas_sync_core.errors import SettingsError

__all__ = ["ConfigFileError", "Problem", "did_you_mean"]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake.

    Attributes:
        line: Its line, from 1; 0 for the file as a whole.
        message: What is wrong, and what to write instead.
    """

    line: int
    message: str

    def describe(self, path: Path) -> str:
        """Return a sentence that names the file and the line."""
        line = f", line {self.line}" if self.line else ""
        stop = "" if self.message.endswith("?") else "."
        return f"{path}{line}: {self.message}{stop}"


class ConfigFileError(SettingsError):
    """A configuration file cannot be used.

    Args:
        path: The file.
        problems: All its mistakes.
    """

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        self.path = path
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(problem.describe(path) for problem in self.problems))


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return a suggestion to append to a message; empty if no known word is similar."""
    from difflib import get_close_matches  # noqa: PLC0415 - slow, and only after a mistake

    close = get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return f"; did you mean `{close[0]}`?" if close else ""
