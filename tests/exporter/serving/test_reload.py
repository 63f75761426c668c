"""SIGHUP reads tokens and settings again, and never ends a serving exporter."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path

import requests
from sqlalchemy import Engine

from canvas_sync_core.store.database import open_engine
from canvas_sync_exporter.web.auth import Scope, append_token, new_token
from support.runs import snapshot, write
from support.serve_process import COMMAND, ServeProcess, serve_process
from support.tables import create_tables

RECENT = "/api/canvas/metrics/recent"


def _reload(served: ServeProcess, until: str) -> None:
    served.process.send_signal(signal.SIGHUP)
    served.wait_for_log(until)


def _database(folder: Path, name: str) -> str:
    url = f"sqlite:///{folder / name}.sqlite3"
    engine: Engine = open_engine(url)
    create_tables(engine)
    write(engine, snapshot(name))
    engine.dispose()
    return url


def _task_ids(served: ServeProcess) -> list[str]:
    answer = requests.get(served.url + RECENT, timeout=30).json()
    return [run["sync_task_id"] for run in answer["items"]]


def test_without_a_change_it_serves_on(tmp_path: Path) -> None:
    with serve_process(tmp_path) as served:
        _reload(served, "The settings have not changed")
        assert requests.get(served.url + RECENT, timeout=30).status_code == 200
        served.process.terminate()
        assert served.process.wait(600) == 0


def test_tokens_are_read_again_and_reported_by_name(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    append_token(file, new_token("old", Scope.READ)[1])
    with serve_process(tmp_path, settings={"CANVAS_SYNC_TOKENS_FILE": str(file)}) as served:
        file.unlink()
        secret, token = new_token("new", Scope.READ)
        append_token(file, token)
        _reload(served, "added new; withdrawn old; 1 tokens")
        headers = {"Authorization": f"Bearer {secret}"}
        assert requests.get(served.url + RECENT, headers=headers, timeout=30).status_code == 200
        file.write_text("nonsense")
        _reload(served, "line 1: use .*stay in force")
        assert requests.get(served.url + RECENT, headers=headers, timeout=30).status_code == 200


def test_another_database_is_used_from_then_on_without_a_refused_connection(
    tmp_path: Path,
) -> None:
    secret = tmp_path / "database_url"
    secret.write_text(_database(tmp_path, "first"))
    statuses: list[int] = []
    stopping = threading.Event()

    def ask(url: str) -> None:
        while not stopping.is_set():
            statuses.append(requests.get(url, timeout=30).status_code)

    settings = {"CANVAS_SYNC_DATABASE_URL_FILE": str(secret)}
    with serve_process(tmp_path, settings=settings) as served:
        assert _task_ids(served) == ["first"]
        thread = threading.Thread(target=ask, args=(served.url + RECENT,))
        thread.start()
        try:
            secret.write_text(_database(tmp_path, "second"))
            _reload(served, r"Changed: CANVAS_SYNC_DATABASE_URL\n(.*\n)*.*Serving")
            assert _task_ids(served) == ["second"]
        finally:
            stopping.set()
            thread.join()
        assert set(statuses) == {200}
        assert "sqlite:///" not in served.log  # it is a secret
        served.process.terminate()
        assert served.process.wait(600) == 0


def _replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (Path.unlink, "cannot be read"),
    "a folder": (_replace_by_folder, "it is a folder"),
    "empty": (lambda path: path.write_text(""), "it is empty"),
    "another kind of database": (lambda path: path.write_text("mysql://u:p@h/x"), "DATABASE_URL"),
}


def test_settings_that_cannot_be_used_leave_those_before_in_force(tmp_path: Path) -> None:
    secret = tmp_path / "database_url"
    url = _database(tmp_path, "first")
    secret.write_text(url)
    settings = {"CANVAS_SYNC_DATABASE_URL_FILE": str(secret)}
    with serve_process(tmp_path, settings=settings) as served:
        for make, complaint in BAD.values():
            make(secret)
            _reload(served, rf"settings read before stay in force: .*{complaint}")
            assert _task_ids(served) == ["first"]
            if secret.is_dir():
                secret.rmdir()
            secret.write_text(url)


def test_a_log_stream_ends_at_a_change_so_that_its_client_comes_again(tmp_path: Path) -> None:
    secret = tmp_path / "database_url"
    secret.write_text(_database(tmp_path, "first"))
    (tmp_path / "logs" / "canvas_sync").mkdir(parents=True)
    settings = {"CANVAS_SYNC_DATABASE_URL_FILE": str(secret)}
    with serve_process(tmp_path, settings=settings) as served:
        url = f"{served.url}/api/canvas/metrics/logs/tail"
        with requests.get(url, stream=True, timeout=30) as stream:
            secret.write_text(_database(tmp_path, "second"))
            served.process.send_signal(signal.SIGHUP)
            assert b"".join(stream.iter_content(None)).startswith(b":")
        assert _task_ids(served) == ["second"]


def test_many_signals_at_once_do_no_harm(tmp_path: Path) -> None:
    with serve_process(tmp_path) as served:
        for _ in range(100):
            served.process.send_signal(signal.SIGHUP)
        assert requests.get(served.url + RECENT, timeout=30).status_code == 200
        served.process.terminate()
        assert served.process.wait(600) == 0


def test_nohup_is_obeyed(tmp_path: Path) -> None:
    with serve_process(tmp_path, command=["nohup", *COMMAND]) as served:
        served.process.send_signal(signal.SIGHUP)
        assert requests.get(served.url + RECENT, timeout=30).status_code == 200
        assert "SIGHUP" not in served.log


def _sync_types(served: ServeProcess) -> list[str]:
    url = f"{served.url}/api/canvas/metrics/expectations"
    items = requests.get(url, timeout=30).json()["items"]
    return [each["description"] for each in items]


BAD_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a mistake": (
        lambda path: path.write_text("[syncs.full]\never = '1h'\n[x]\n"),
        "line 2: .*line 3: x",
    ),
    "half written": (
        lambda path: path.write_text("[syncs.full]\nevery = '2"),
        "line 2: the file ends too early",
    ),
    "a folder": (_replace_by_folder, "it is a folder"),
    "too large": (lambda path: path.write_text("#" * 1_000_000), "it is larger than"),
}


def test_a_configuration_file_that_cannot_be_used_leaves_the_one_before_in_force(
    tmp_path: Path,
) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[syncs.full]\nevery = '1h'\n")
    with serve_process(tmp_path, settings={"CANVAS_SYNC_CONFIG": str(file)}) as served:
        assert _sync_types(served) == ["every hour"]
        for make, complaint in BAD_FILES.values():
            make(file)
            _reload(served, rf"settings read before stay in force: .*{complaint}")
            assert _sync_types(served) == ["every hour"]
            if file.is_dir():
                file.rmdir()
        file.write_text("[syncs.full]\nevery = '2h'\n")
        _reload(served, r"Changed: \[syncs\.full\]\n(.*\n)*.*Serving")
        assert _sync_types(served) == ["every 2 hours"]


def test_a_default_configuration_file_that_is_gone_leaves_its_settings_in_force(
    tmp_path: Path,
) -> None:
    file = tmp_path / "logs" / "canvas-sync-monitor.toml"
    file.parent.mkdir()
    file.write_text("[syncs.full]\nevery = '1h'\n")
    with serve_process(tmp_path) as served:
        assert _sync_types(served) == ["every hour"]
        file.unlink()
        _reload(served, rf"stay in force: {file}: the file is gone; put it back, or leave an empty")
        assert _sync_types(served) == ["every hour"]
        file.write_text("")
        _reload(served, r"Changed: \[syncs\.full\]\n(.*\n)*.*Serving")
        assert _sync_types(served) == []
