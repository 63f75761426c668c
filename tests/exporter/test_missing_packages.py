"""Without the extras each command says what to install, or does without."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from support.serve_process import run_to_end

_PROGRAM = """
import sys

missing = sys.argv.pop(1).split(",")

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NotInstalled())
from canvas_sync_exporter.cli import script
sys.exit(script())
"""

MODULES = {
    "google-re2": "re2",
    "markdown-it-py": "markdown_it",
    "flask-swagger-ui": "flask_swagger_ui",
}
COMMANDS = {
    "serve": ["--port", "0"],
    "analyze": [],
    "search": ["x"],
    "tail": [],
    "cleanup": [],
    "doctor": [],
    "demo": ["--once"],
}


def _packages(extra: str) -> list[str]:
    """The modules of what an extra brings."""
    needed = map(Requirement, requires("canvas-sync-monitor") or ())
    names = [
        each.name
        for each in needed
        if each.marker and each.marker.evaluate({"extra": extra}) and not each.marker.evaluate()
    ]
    return [MODULES.get(name, name.replace("-", "_")) for name in names]


def _run(folder: Path, missing: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_to_end([sys.executable, "-c", _PROGRAM, ",".join(missing), *arguments], folder)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_needs_an_extra_says_which(tmp_path: Path, command: str) -> None:
    (tmp_path / "logs" / "canvas_sync").mkdir(parents=True)
    (tmp_path / "logs" / "canvas_sync" / "errors.log.1").write_text("x\n")
    extra = "demo" if command == "demo" else "exporter"
    missing = [*_packages("exporter"), *(["canvasapi"] if command == "demo" else [])]
    assert "flask" in missing
    done = _run(tmp_path, missing, command, *COMMANDS[command])
    if command == "doctor":  # it looks at what can be looked at
        assert done.returncode in (0, 1)
    else:
        assert done.returncode == 1
        assert f"pip install 'canvas-sync-monitor[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("package", ["waitress", "isal"])
def test_a_single_package_that_is_missing_is_named(tmp_path: Path, package: str) -> None:
    done = _run(tmp_path, [package], "serve", "--port", "0")
    assert done.returncode == 1
    assert f"serve needs the package {package}" in done.stderr
    assert "Traceback" not in done.stderr


def test_run_token_and_help_need_no_extra(tmp_path: Path) -> None:
    missing = [*_packages("exporter"), "canvasapi"]
    assert _run(tmp_path, missing, "run", "--", "sh", "-c", "exit 9").returncode == 9
    token = _run(tmp_path, missing, "token", "new", "--name", "a", "--scope", "read")
    assert (token.returncode, token.stderr) == (0, "")
    assert "csm_" in token.stdout
    assert "analyze" in _run(tmp_path, missing, "--help").stdout
    assert _run(tmp_path, missing, "--version").returncode == 0
