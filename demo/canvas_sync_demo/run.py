"""The demo: a Canvas, an exporter, and round after round of syncs for several users."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import requests
from canvasapi.exceptions import CanvasException

from canvas_sync_core.errors import SettingsError
from canvas_sync_core.files.modes import make_folder
from canvas_sync_core.files.regular_file import read_regular_file
from canvas_sync_demo.sync_app.canvas import connect

from .canvas_server import CanvasServer
from .cast import CAST, Part, fault_plan, sync_type_of, task_id_of
from .output import DemoOutput, SyncResult
from .processes import (
    DemoError,
    Stage,
    free_port,
    running,
    serving,
    sync_arguments,
    wait_until,
)

__all__ = ["DemoOptions", "run_demo"]

_ROUND_SECONDS = 15.0
_SYNC_SECONDS = 120.0
_NOTICE_SECONDS = 60.0
_ANSWER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line says.

    Attributes:
        once: End after the first round.
        data_dir: Folder of everything that the demo writes.
        port: Of the exporter; when None 5000 or, when that is taken, any free one.
        seed: Of the simulated Canvas.
        canvas_url: Base URL of a real Canvas instead.
        token_file: File whose first line is an access token for that Canvas.
    """

    once: bool = False
    data_dir: Path = Path("canvas_sync_demo_data")
    port: int | None = None
    seed: int = 1
    canvas_url: str | None = None
    token_file: Path | None = None


@dataclass(frozen=True, slots=True)
class _Canvas:
    """The Canvas of the demo; ``simulated`` is None for a real one."""

    url: str
    tokens: dict[int, str]
    cast: tuple[Part, ...]
    simulated: CanvasServer | None


def run_demo(options: DemoOptions) -> int:
    """Run the demo until Ctrl-C, or for one round.

    Returns:
        The exit code: 0.

    Raises:
        SettingsError: The options make no sense, or the token or URL of a real Canvas are wrong.
        DemoError: The exporter or a sync cannot be run.
        OSError: The data folder cannot be written.
    """
    output = DemoOutput(sys.stdout)
    folder = options.data_dir.expanduser().absolute()
    with _ended_by_signals(), contextlib.suppress(KeyboardInterrupt), _canvas(options) as canvas:
        stage = Stage(folder, free_port(options.port))
        make_folder(stage.logs)
        output.title(canvas.url, is_simulated=canvas.simulated is not None, stage=stage)
        with serving(stage):
            _play(canvas, stage, output, rounds=1 if options.once else None)
    output.goodbye(folder)
    return 0


def _play(canvas: _Canvas, stage: Stage, output: DemoOutput, rounds: int | None) -> None:
    number = 1
    while True:
        started = time.monotonic()
        output.round(number, _play_round(canvas, stage, number))
        if number == 1:
            output.where_to_look(stage, canvas.cast)
        if number == rounds:
            return
        output.waiting()
        time.sleep(max(1.0, _ROUND_SECONDS - (time.monotonic() - started)))
        if canvas.simulated is not None:
            canvas.simulated.evolve()
        number += 1


def _play_round(canvas: _Canvas, stage: Stage, number: int) -> list[SyncResult]:
    """Run a sync for every user, all at once, each in a separate process."""
    sync_type = sync_type_of(number)
    with contextlib.ExitStack() as workers:
        syncs = []
        for part in canvas.cast:
            task_id = task_id_of(number, part)
            worker = running(
                sync_arguments(task_id, part.user_id, sync_type, canvas.url, stage.app_database),
                stage.environment(CANVAS_TOKEN=canvas.tokens[part.user_id]),
                stage.folder / "syncs.out",
            )
            syncs.append((part, task_id, workers.enter_context(worker)))
        for part, task_id, process in syncs:
            _see_to_its_end(canvas, stage, part, task_id, process)
    return [
        SyncResult(part, _wait_for_run(stage, task_id, is_ended=True)) for part, task_id, _ in syncs
    ]


def _see_to_its_end(
    canvas: _Canvas, stage: Stage, part: Part, task_id: str, process: subprocess.Popen[bytes]
) -> None:
    simulated = canvas.simulated
    if part.is_killed and simulated is not None:
        wait_until(
            lambda: simulated.holds(part.user_id) or process.poll() is not None, _SYNC_SECONDS
        )
        _wait_for_run(stage, task_id)
        process.kill()
    try:
        process.wait(_SYNC_SECONDS)
    except subprocess.TimeoutExpired:
        raise DemoError(f"The sync {task_id} does not end; see {stage.folder}.") from None


def _wait_for_run(stage: Stage, task_id: str, *, is_ended: bool = False) -> dict[str, Any]:
    """Wait until the REST API knows a run, or its end: a dead process's is noticed a little later.

    Raises:
        DemoError: It does not.
    """
    found: dict[str, Any] = {}

    def is_known() -> bool:
        answer = requests.get(f"{stage.api}/sync/task/{task_id}", timeout=_ANSWER_SECONDS)
        found.update(answer.json() if answer.ok else {})
        return bool(found) and (not is_ended or found["sync_end_time"] is not None)

    if not wait_until(is_known, _NOTICE_SECONDS, pause=0.2):
        what = "the end of " if found else ""
        raise DemoError(f"The exporter does not know {what}the sync {task_id}; see {stage.folder}.")
    return found


@contextlib.contextmanager
def _canvas(options: DemoOptions) -> Iterator[_Canvas]:
    if options.canvas_url is None and options.token_file is None:
        with CanvasServer(options.seed, plan=fault_plan()) as server:
            yield _Canvas(server.url, dict(server.tokens), CAST, server)
    elif options.canvas_url is None or options.token_file is None:
        raise SettingsError("--canvas-url and --token-file go together: give both or neither.")
    else:
        url, token = options.canvas_url.rstrip("/"), _read_token(options.token_file)
        user_id = _user_of(url, token)
        yield _Canvas(url, {user_id: token}, (Part(user_id, "your own courses"),), None)


def _read_token(file: Path) -> str:
    try:
        lines = read_regular_file(file.expanduser()).text.splitlines()
    except (OSError, ValueError) as error:
        raise SettingsError(f"--token-file: {file} cannot be read: {error}.") from error
    token = lines[0].strip() if lines else ""
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise SettingsError(f"--token-file: the first line of {file} is no access token.")
    return token


def _user_of(url: str, token: str) -> int:
    try:
        return int(connect(url, token, _ANSWER_SECONDS).get_current_user().id)
    except (CanvasException, requests.RequestException, ValueError) as error:
        raise SettingsError(f"--canvas-url: {url} does not answer to this token: {error}") from None


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end the demo as Ctrl-C does."""
    before = {number: signal.signal(number, _interrupt) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_ENDING = (signal.SIGTERM, signal.SIGHUP)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
