"""The state file: the sums of dead processes' files, in two copies."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from canvas_sync_core.app_log import app_logger
from canvas_sync_core.errors import CanvasSyncMonitorError
from canvas_sync_core.files.durability import sync_folder
from canvas_sync_core.files.identity import status_identity
from canvas_sync_core.files.modes import shared_opener

from .layout import Exemplar
from .sample_keys import SampleKey, SampleKeys

__all__ = ["FoldedState", "StateDamagedError", "StateFile", "no_failpoint"]

_MAGIC: Final = b"CSXFOLD1"
_DIGEST_SIZE: Final = hashlib.sha256().digest_size
_COPIES: Final = ("folded.state", "folded.state.copy")

_logger = app_logger(__name__)


class StateDamagedError(CanvasSyncMonitorError):
    """Both copies of the state file are damaged."""


@dataclass(frozen=True, slots=True)
class FoldedState:
    """The sums over dead processes.

    Attributes:
        values: Kind of file -> key of the sample -> value.
        exemplars: Key of a histogram bucket -> its newest exemplar.
        sources: Names of files that it contains and that may still exist.
    """

    values: Mapping[str, Mapping[SampleKey, float]] = field(default_factory=dict)
    exemplars: Mapping[SampleKey, Exemplar] = field(default_factory=dict)
    sources: Sequence[str] = ()


class _Stored(msgspec.Struct, frozen=True):
    """The same in the file."""

    values: dict[str, dict[bytes, float]] = {}
    exemplars: dict[bytes, Exemplar] = {}
    sources: list[str] = []


def no_failpoint(step: str) -> None:
    """Do nothing: only tests stop a fold at its steps."""


class StateFile:
    """Loads and saves the state; the caller holds the folder's lock.

    Each copy is replaced atomically, and sources are removed only after both copies contain them:
    nothing is lost as long as one copy is intact. A damaged copy is reported and counted.

    Args:
        folder: The folder of the metric files.
        keys: Parses the keys in the state.

    Attributes:
        damaged: Whether the second copy had to be used at the last load.
        recoveries: Number of times that this happened.
    """

    def __init__(self, folder: Path, keys: SampleKeys) -> None:
        self._folder = folder
        self._keys = keys
        self._paths = [folder / name for name in _COPIES]
        self._cached: tuple[tuple[int, ...], FoldedState] | None = None
        self.damaged = False
        self.recoveries = 0

    def load(self) -> FoldedState:
        """Read the state; an empty one if nothing was ever folded.

        Raises:
            StateDamagedError: No copy is usable; nothing was changed.
        """
        first, second = self._paths
        signature = _signature(first)
        if self._cached is not None and self._cached[0] == signature:
            return self._cached[1]
        state = self._read(first)
        if state is not None:
            self.damaged = False
            self._cached = (signature, state)
            return state
        if not first.exists() and not second.exists():
            return FoldedState()
        return self._stand_in(second)

    def _stand_in(self, second: Path) -> FoldedState:
        state = self._read(second)
        if state is None:
            names = " and ".join(_COPIES)
            raise StateDamagedError(
                f"The counters of ended sync processes cannot be read: in {self._folder}, {names} "
                "are damaged. Restore one of them from a backup, or remove both to start at 0."
            )
        if not self.damaged:
            self.damaged = True
            self.recoveries += 1
            _logger.error("%s is missing or damaged; its copy is used instead.", self._paths[0])
        return state

    def save(self, state: FoldedState, failpoint: Callable[[str], None] = no_failpoint) -> None:
        """Replace both copies, durably.

        Raises:
            OSError: One could not be replaced; the other, or the old one, is intact.
        """
        payload = msgspec.msgpack.encode(_stored(state))
        data = _MAGIC + hashlib.sha256(payload).digest() + payload
        self._cached = None
        for path in self._paths:
            temporary = path.with_name(f"{path.name}.tmp")
            with open(temporary, "wb", opener=shared_opener) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            failpoint(f"wrote {temporary.name}")
            temporary.replace(path)
            sync_folder(self._folder)
            failpoint(f"replaced {path.name}")
        self.damaged = False

    def _read(self, path: Path) -> FoldedState | None:
        stored, parse = _decode(path), self._keys.parse
        if stored is None:
            return None
        return FoldedState(
            {
                kind: {parse(key): value for key, value in values.items()}
                for kind, values in stored.values.items()
            },
            {parse(key): exemplar for key, exemplar in stored.exemplars.items()},
            stored.sources,
        )


def _stored(state: FoldedState) -> _Stored:
    return _Stored(
        {
            kind: {key.raw: value for key, value in values.items()}
            for kind, values in state.values.items()
        },
        {key.raw: exemplar for key, exemplar in state.exemplars.items()},
        list(state.sources),
    )


def _signature(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except FileNotFoundError:
        return ()
    return (*status_identity(status), status.st_mtime_ns, status.st_size)


def _decode(path: Path) -> _Stored | None:
    """Read one copy; None when it is missing or damaged."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    payload = data[len(_MAGIC) + _DIGEST_SIZE :]
    if data[: len(_MAGIC) + _DIGEST_SIZE] != _MAGIC + hashlib.sha256(payload).digest():
        return None
    return msgspec.msgpack.decode(payload, type=_Stored)
