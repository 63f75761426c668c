"""``backup.sh`` with a real database; ``docker-compose`` is one that runs commands right here."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import text

from canvas_sync_core.store.database import open_engine, upgrade
from support.postgresql import PostgresqlServer, find_binaries
from support.runs import snapshot, write
from support.stack_database import connection_of, make_roles, remove_roles, stack_server

__all__ = ["stack_server"]

DOCKER_COMPOSE = """\
#!/bin/bash
set -e
action=$1
case $action in
  exec) shift 3; [ -e "$STACK/running" ] || exit 1; PATH=$BINARIES:$PATH ;;
  run) shift 5 ;;
  up) touch "$STACK/running"; exit ;;
esac
words=()
for word; do
  case $word in
    --directory=/) words+=("--directory=$STACK") ;;
    --host=*) ;;
    *) words+=("$word") ;;
  esac
done
exec "${words[@]}"
"""
"""The folder ``$STACK`` is the root of the set-up's container."""


class Stack:
    """A stack without containers.

    Args:
        folder: An empty folder.
        server: Its PostgreSQL.
    """

    def __init__(self, folder: Path, server: PostgresqlServer) -> None:
        self.root = folder / "stack"
        self.server = server
        self._binaries = folder / "bin"
        self._binaries.mkdir()
        program = self._binaries / "docker-compose"
        program.write_text(DOCKER_COMPOSE)
        program.chmod(0o755)

    def create(self, password: str) -> None:
        """Make its volumes and its database, empty as after the first start."""
        for name in ("run/secrets", "data/logs", "volumes/alertmanager"):
            (self.root / name).mkdir(parents=True)
        for name in ("database_password", "database_reader_password"):
            (self.root / "run" / "secrets" / name).write_text(password)
        done = make_roles(self.server, self.root / "run" / "secrets")
        assert (done.returncode, done.stderr) == (0, "")

    def remove(self) -> None:
        """Remove it with its volumes."""
        shutil.rmtree(self.root)
        remove_roles(self.server)

    def run(self, *arguments: str | Path, script: Path) -> subprocess.CompletedProcess[str]:
        """Run the script."""
        environment = {
            **connection_of(self.server),
            "PATH": f"{self._binaries}:{os.environ['PATH']}",
            "STACK": str(self.root),
            "BINARIES": str(find_binaries()),
        }
        return subprocess.run(
            ["sh", script, *arguments], env=environment, capture_output=True, text=True, check=False
        )


@pytest.fixture
def script(repository: Path) -> Path:
    return repository / "deploy" / "backup" / "backup.sh"


@pytest.fixture
def stack(tmp_path: Path, stack_server: PostgresqlServer) -> Stack:
    """A running stack with a run, a line of a log and a secret."""
    stack = Stack(tmp_path, stack_server)
    stack.create("first")
    (stack.root / "running").touch()
    owner = open_engine(stack_server.url("canvas_sync").replace("postgres@", "canvas_sync@"))
    upgrade(owner)
    write(owner, snapshot("nightly-1"))
    owner.dispose()
    (stack.root / "data" / "logs" / "operations.log").write_text("a line\n")
    return stack


def runs(server: PostgresqlServer, role: str) -> list[str]:
    engine = open_engine(server.url("canvas_sync").replace("postgres@", f"{role}@"))
    with engine.connect() as connection:
        found = connection.execute(text("SELECT sync_task_id FROM canvas_sync_metrics")).scalars()
        names = list(found)
    engine.dispose()
    return names


def test_what_was_saved_is_restored_into_new_volumes(
    stack: Stack, script: Path, tmp_path: Path
) -> None:
    saved = stack.run("save", tmp_path / "backup", script=script)
    assert (saved.returncode, saved.stderr) == (0, "")
    stack.remove()
    stack.create("first")  # the volumes and the database as Docker and the image make them anew
    restored = stack.run("restore", tmp_path / "backup", script=script)
    assert (restored.returncode, restored.stderr) == (0, "")
    assert "docker-compose up --detach" in restored.stdout
    assert runs(stack.server, "canvas_sync") == ["nightly-1"]
    assert runs(stack.server, "canvas_sync_reader") == ["nightly-1"]
    assert (stack.root / "data" / "logs" / "operations.log").read_text() == "a line\n"
    assert (stack.root / "run" / "secrets" / "database_password").read_text() == "first"


def test_only_its_owner_can_read_a_backup(stack: Stack, script: Path, tmp_path: Path) -> None:
    stack.run("save", tmp_path / "backup", script=script)
    files = [tmp_path / "backup", *(tmp_path / "backup").iterdir()]
    assert len(files) == 4
    assert {stat.S_IMODE(file.stat().st_mode) & 0o077 for file in files} == {0}


def test_a_running_stack_is_not_overwritten(stack: Stack, script: Path, tmp_path: Path) -> None:
    stack.run("save", tmp_path / "backup", script=script)
    done = stack.run("restore", tmp_path / "backup", script=script)
    assert done.returncode == 1
    assert "The stack is running. Remove it with its volumes first" in done.stderr


def test_a_damaged_backup_changes_nothing(stack: Stack, script: Path, tmp_path: Path) -> None:
    stack.run("save", tmp_path / "backup", script=script)
    with (tmp_path / "backup" / "volumes.tar").open("ab") as file:
        file.write(b"x")
    (stack.root / "running").unlink()
    (stack.root / "data" / "logs" / "operations.log").write_text("newer\n")
    done = stack.run("restore", tmp_path / "backup", script=script)
    assert done.returncode == 1
    assert "The backup is damaged. Nothing was changed." in done.stderr
    assert (stack.root / "data" / "logs" / "operations.log").read_text() == "newer\n"


@pytest.mark.parametrize("action", ["save", "restore"])
def test_nothing_is_half_saved_or_half_restored(
    stack: Stack, script: Path, tmp_path: Path, action: str
) -> None:
    """Without a database there is no backup, and one that was broken off cannot be restored."""
    (stack.root / "running").unlink()
    (tmp_path / "backup").mkdir()
    done = stack.run(action, tmp_path / "backup", script=script)
    assert done.returncode == 1
    reason = "PostgreSQL does not answer" if action == "save" else "has no complete backup"
    assert reason in done.stderr
    assert list((tmp_path / "backup").iterdir()) == []


def test_a_backup_is_not_overwritten(stack: Stack, script: Path, tmp_path: Path) -> None:
    stack.run("save", tmp_path / "backup", script=script)
    done = stack.run("save", tmp_path / "backup", script=script)
    assert "has a backup already" in done.stderr


def test_without_an_action_it_says_how_it_is_used(stack: Stack, script: Path) -> None:
    done = stack.run(script=script)
    assert done.returncode == 1
    assert "backup.sh save FOLDER, or backup.sh restore FOLDER" in done.stderr
