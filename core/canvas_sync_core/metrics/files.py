"""The metric files of this process: hands out series and stores them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.locks import RLock
from canvas_sync_core.schema.metrics import METRICS, MetricName, MetricType, zeros_of

from .children import Child, Counter, Gauge, Histogram
from .label_bounds import LabelBounds
from .layout import (
    exemplar_file_name,
    file_kind,
    file_name,
    keys_of,
    new_process_id,
)
from .mapped import ExemplarFile, MappedFile, SeriesFile

__all__ = ["MetricFiles"]

ChildT = TypeVar("ChildT", bound=Child)


class MetricFiles:
    """The series of this process, kept in files of ``folder`` that outlive it.

    Files are created when the first series needs them. A series for which there is no space, or
    whose file cannot be made, stays in memory until :meth:`store_waiting` finds a place for it.
    Values of labels are bounded, see :class:`LabelBounds`.

    Make all calls, and all updates of what they return, under :attr:`lock`. It is reentrant: a
    signal handler may take it again in the thread that holds it.

    Args:
        folder: Where the files go; made when missing. Not on a network file system.

    Attributes:
        folder: The same, absolute.
        last_error: Why a series could not be stored or a file could not be recreated.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()  # the app may change its working directory
        self._reset()

    def _reset(self) -> None:
        self.last_error: OSError | None = None
        self.lock = RLock()
        self._process_id = new_process_id()
        self._files: dict[str, SeriesFile] = {}
        self._mapped: list[MappedFile] = []
        self._exemplar_file: ExemplarFile | None = None
        self._children: dict[tuple[MetricName, tuple[str, ...]], Child] = {}
        self._bounds = LabelBounds()
        self._waiting: dict[tuple[MetricName, tuple[str, ...]], Child] = {}
        self._closed = False

    @property
    def waiting(self) -> int:
        """Number of series that are only in memory because they could not be stored."""
        return len(self._waiting)

    def counter(self, name: MetricName, labels: Sequence[str] = ()) -> Counter:
        """Return a counter; create it if necessary.

        Args:
            name: The metric.
            labels: Values in the order of the metric's label names.
        """
        return self._child(name, labels, Counter, Counter)

    def gauge(self, name: MetricName, labels: Sequence[str] = ()) -> Gauge:
        """Return a gauge; create it if necessary. Arguments as in :meth:`counter`."""
        return self._child(name, labels, Gauge, Gauge)

    def histogram(self, name: MetricName, labels: Sequence[str]) -> Histogram:
        """Return a histogram; create it if necessary. Arguments as in :meth:`counter`."""
        return self._child(name, labels, Histogram, lambda: Histogram(METRICS[name].buckets))

    def _child(
        self,
        name: MetricName,
        labels: Sequence[str],
        kind: type[ChildT],
        make: Callable[[], ChildT],
    ) -> ChildT:
        child = self._children.get((name, tuple(labels)))
        if child is None:
            identity = (name, self._bounds.apply(name, labels))
            child = self._children.get(identity) or self._make(identity, make)
        if not isinstance(child, kind):
            raise TypeError(f"{name} is no {kind.__name__.lower()}")
        return child

    def _make(
        self, identity: tuple[MetricName, tuple[str, ...]], make: Callable[[], ChildT]
    ) -> ChildT:
        child = make()
        if not self._place(identity, child):
            self._waiting[identity] = child
        self._children[identity] = child
        return child

    def _place(self, identity: tuple[MetricName, tuple[str, ...]], child: Child) -> bool:
        if self._closed:
            return False
        name, labels = identity
        try:
            if child.in_memory:
                file = self._file(file_kind(METRICS[name]))
                child.move(file, file.allocate(keys_of(name, labels)))
            if isinstance(child, Histogram) and not child.has_exemplars:
                exemplars = self._exemplars()
                child.attach(exemplars, exemplars.allocate(len(METRICS[name].buckets) + 1))
        except OSError as error:
            raise_if_asynchronous(error)
            self.last_error = error.with_traceback(None)
            return False
        return True

    def _file(self, kind: str) -> SeriesFile:
        if kind not in self._files:
            file = SeriesFile(self.folder / file_name(kind, self._process_id))
            self._files[kind] = file
            self._mapped.append(file)
        return self._files[kind]

    def _exemplars(self) -> ExemplarFile:
        if self._exemplar_file is None:
            path = self.folder / exemplar_file_name(self._process_id)
            self._exemplar_file = ExemplarFile(path)
            self._mapped.append(self._exemplar_file)
        return self._exemplar_file

    def start_at_zero(self, **known: str) -> None:
        """Let counters exist as 0 before the first failure, so that alerts see it.

        Args:
            known: Values of newly known labels, such as ``sync_type="full"``; none at the
                start of a process.
        """
        for name, labels in zeros_of(known):
            if METRICS[name].type is MetricType.COUNTER:  # the exporter makes its own gauges
                self.counter(name, labels)

    def store_waiting(self) -> bool:
        """Move series from memory into the files; return whether none is left."""
        for identity, child in list(self._waiting.items()):
            if not self._place(identity, child):
                return False
            del self._waiting[identity]
        return True

    def detach_truncated(self, kinds: Iterable[str] | None = None) -> bool:
        """Stop using truncated files before they are accessed; return whether there were any.

        Args:
            kinds: The kinds of files about to be used; None means all. Adding a series or an
                exemplar checks its file by itself.
        """
        files = self._mapped if kinds is None else filter(None, map(self._files.get, kinds))
        try:
            for file in files:  # not by a method of each, since every event asks for several
                if file.size() < file.capacity:
                    break
            else:
                return False
        except OSError as error:  # the app has closed a descriptor
            raise_if_asynchronous(error)
        return sum(file.detach_if_truncated() for file in self._mapped) > 0

    def keep_copies(self) -> None:
        """Copy the contents to memory, in case another program empties the files."""
        for file in self._mapped:
            file.keep_copy()

    def displaced(self) -> int:
        """Return how many files were removed, moved, replaced or truncated."""
        return sum(not file.is_in_place for file in self._mapped)

    def recreate(self) -> bool:
        """Recreate such files with all counts; return whether that succeeded for all."""
        try:
            for file in self._mapped:
                if not file.is_in_place:
                    file.recreate()
        except OSError as error:
            raise_if_asynchronous(error)
            self.last_error = error.with_traceback(None)
            return False
        return True

    def close(self) -> None:
        """Close the files; they stay, with their values, like those of a dead process.

        Later updates go to memory that nobody reads.
        """
        self._closed = True
        for file in self._mapped:
            file.close()
        self._files.clear()
        self._mapped.clear()
        self._exemplar_file = None

    def after_fork_in_child(self) -> None:
        """In a forked child, leave the files to the parent and start at 0 in new ones.

        Existing series belong to the parent: the child has to request new ones.
        """
        if not self._closed:
            self.close()
            self._reset()
