"""Remembers which failure of a job people know of, so that each is sent once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from canvas_sync_core.files.modes import make_folder, write_shared

from .failure_content import CommandFailure

__all__ = ["SentFailure", "forget_failure", "load_failure", "save_failure"]


@dataclass(frozen=True, slots=True)
class SentFailure:
    """A failure that was sent.

    Attributes:
        failure: The failure.
        references: Name of the channel -> what it returned.
    """

    failure: CommandFailure
    references: Mapping[str, str]


def load_failure(file: Path) -> SentFailure | None:
    """Return the failure that was sent last; None if there is none, or the file is damaged."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=SentFailure)
    except (OSError, msgspec.DecodeError):
        return None


def save_failure(file: Path, sent: SentFailure) -> None:
    """Remember a failure that was sent.

    Raises:
        OSError: The file cannot be written; the next failure is sent again.
    """
    make_folder(file.parent)
    new = file.with_name(f"{file.name}.{os.getpid()}")
    write_shared(new, msgspec.json.encode(sent))
    new.replace(file)


def forget_failure(file: Path) -> None:
    """Forget it: the job has succeeded."""
    with suppress(OSError):
        file.unlink()
