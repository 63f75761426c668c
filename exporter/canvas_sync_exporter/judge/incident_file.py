"""Saves the incidents in a file, so that the exporter can restart while the database is down."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from canvas_sync_core.files.modes import make_folder, write_shared
from canvas_sync_core.incident import Incident
from canvas_sync_exporter.reasons import reason

__all__ = ["IncidentFile", "SavedIncidents"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SavedIncidents:
    """The content of the file.

    Attributes:
        known: The open and the recently resolved incidents.
        unwritten: Those that are missing or outdated in the database.
    """

    known: tuple[Incident, ...] = field(default=())
    unwritten: tuple[Incident, ...] = field(default=())


class IncidentFile:
    """Reads and writes the file. Losing it only means that a restarted exporter knows less.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._content = b""

    def load(self) -> SavedIncidents:
        """Return what was last saved, or nothing if the file is missing or unreadable."""
        try:
            self._content = self._path.read_bytes()
            return msgspec.json.decode(self._content, type=SavedIncidents)
        except FileNotFoundError:
            return SavedIncidents()
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            _log.warning("Ignoring %s: %s", self._path, reason(error))
            return SavedIncidents()

    def save(self, known: Iterable[Incident], unwritten: Iterable[Incident]) -> None:
        """Replace the file if anything has changed; a failure is only logged."""
        content = msgspec.json.encode(SavedIncidents(tuple(known), tuple(unwritten)))
        if content == self._content:
            return
        temporary = self._path.with_name(f"{self._path.name}.new")
        try:
            make_folder(self._path.parent)
            write_shared(temporary, content)
            temporary.replace(self._path)
        except OSError as error:
            _log.warning("Cannot write %s: %s", self._path, reason(error))
        self._content = content
