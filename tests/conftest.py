"""What every test gets: strict telemetry, and neither a monitor nor a hook of the test before."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import sysconfig
import threading
from collections.abc import Generator, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest
from hypothesis import settings

settings.register_profile("any machine", deadline=None, max_examples=50)
settings.load_profile("any machine")

pytest_plugins = [
    "support.browser",
    "support.databases",
    "support.demo_round",
    "support.otlp",
    "support.postgresql",
    "support.scheduling",
    "support.small_disk",
    "support.wheels",
]


_LONGEST = (
    "core/store/test_deadlines.py",
    "demo/",
    "deploy/",
    "exporter/judge/simulation/",
    "exporter/serving/",  # waits, so that others have the processor
    "exporter/web/test_odd_rows.py",
    "instrumentation/integrations/test_celery.py",
    "instrumentation/test_greenlets.py",
    "main_job/",
    "many_processes/",
    "test_analyze_canvas_logs.py",
)

_MEMORY = Path("/dev/shm")
"""Where files are written at once: on a disk, each of thousands of small databases waits for it."""


def pytest_configure(config: pytest.Config) -> None:
    """Let children obey Ctrl-C and SIGHUP, also where the tests run in the background.

    A shell ignores the one there and nohup the other, and children inherit that.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if _has_room(_MEMORY):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))
    if sys.flags.dont_write_bytecode and config.pluginmanager.has_plugin("cacheprovider"):
        _share_bytecode(config.cache.mkdir("bytecode"))
    # jsonschema would compile its 38 grammars in every worker. No schema here has a format "iri".
    sys.modules["rfc3987_syntax"] = cast("ModuleType", None)
    if find_spec("sniffio") is None:  # or httpcore looks for it several times in each request
        sys.modules["sniffio"] = cast("ModuleType", None)


def _has_room(folder: Path) -> bool:
    """Return whether the files of a whole run fit there, and programs among them may be started."""
    if not folder.is_dir():
        return False
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize > 2 * 1024**3 and not found.f_flag & os.ST_NOEXEC


def _share_bytecode(folder: Path) -> None:
    """Keep bytecode in pytest's cache where nobody may write it next to the sources.

    Tests start hundreds of Python processes. Without bytecode each of them compiles all that it
    imports, which takes most of its time. What was compiled when it was installed is linked there.
    Workers and later runs find all of it, with pytest's own rewriting of the tests.
    """
    if not list(folder.iterdir()):
        for installed in {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}:
            _link_bytecode(installed, str(folder))
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = str(folder)
    sys.dont_write_bytecode = False


def _link_bytecode(installed: str, folder: str) -> None:
    """Link the bytecode of modules to where Python looks for it then."""
    for package, folders, _ in os.walk(installed):
        folders[:] = [each for each in folders if each not in ("site-packages", "test", "tests")]
        if not package.endswith("__pycache__"):
            continue
        place = Path(f"{folder}{package.removesuffix('__pycache__')}")
        place.mkdir(parents=True, exist_ok=True)
        for file in Path(package).iterdir():
            with suppress(FileExistsError):  # another run of the tests began at the same time
                (place / file.name).symlink_to(file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Start two workers for each core: they wait half of the time, mostly for other processes."""
    return 2 * len(os.sched_getaffinity(0))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Let each worker begin with other files of a folder, so that they share the compiling.

    All of them need every file. Where they have the same order, each compiles all of a fresh
    checkout: a file that another one has in hand is not there yet.
    """
    report = yield
    worker = getattr(collector.config, "workerinput", None)
    if worker and isinstance(collector, pytest.Directory):
        number = int(worker["workerid"].removeprefix("gw"))
        first = len(report.result) * number // worker["workercount"]
        report.result = [*report.result[first:], *report.result[:first]]
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None]:
    """Begin with the files that take longest, so that no worker starts one when the others end."""
    root = Path(__file__).parent
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.path.parts)  # all workers have the same order again
    yield
    items.sort(key=lambda item: not item.path.relative_to(root).as_posix().startswith(_LONGEST))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without looking for cycles: nearly all that is made here stays to the end.

    Each pass would visit all of it, which takes a third of the time of a worker's collection.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """Leave what was collected out of garbage collection: each pass would visit 700,000 objects.

    The usual thresholds would spend a tenth of the time of some tests on looking for cycles.
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def pytest_unconfigure() -> None:
    """Leave out also what the tests have imported: the end of a process would visit it again."""
    gc.freeze()


@pytest.fixture(autouse=True)
def _strict_telemetry_in_an_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Settings come from nowhere but the test; our own errors are raised.

    Most runs of tests call no API, which the app's log would be told.
    """
    from canvas_sync_instrumentation.integrations._installed import uninstrument_all
    from canvas_sync_instrumentation.monitor import Monitor, shutdown

    for name in list(os.environ):
        if name.startswith(("CANVAS_SYNC_", "OTEL_", "PROMETHEUS_MULTIPROC_DIR")):
            monkeypatch.delenv(name)
    monkeypatch.setattr(Monitor, "note_no_api_call", lambda *_: None)
    monkeypatch.setenv("CANVAS_SYNC_STRICT", "true")
    # Rows are looked for right after the end of a process, also where that takes its time.
    monkeypatch.setenv("CANVAS_SYNC_EXIT_TIMEOUT_SECONDS", "30")
    monkeypatch.setenv("CANVAS_SYNC_LOG_DIR", str(tmp_path / "logs"))
    yield
    uninstrument_all()
    shutdown()


@pytest.fixture
def caplog(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """The log, without what a thread of an earlier test still says of its missing collector."""
    earlier = set(threading.enumerate()) - {threading.current_thread()}

    def is_of_this_test(record: logging.LogRecord) -> bool:
        # Threads are compared, not their numbers: a new one may have that of one that has ended.
        is_of_exporter = record.name.endswith("._otlp_exporter")
        return not (is_of_exporter and threading.current_thread() in earlier)

    caplog.handler.addFilter(is_of_this_test)
    yield caplog
    caplog.handler.removeFilter(is_of_this_test)
