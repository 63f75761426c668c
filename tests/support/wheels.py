"""The wheel of this checkout, built once for all tests of a run, and environments that have it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support.markdown import ROOT
from support.workers import made_once

__all__ = ["built_wheel", "hatchling", "installed_wheel", "source_tree"]

_SOURCES = ("core", "exporter", "instrumentation", "demo", "deploy", "docs", "locks")
_FILES = (
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "Dockerfile",
    "docker-compose.yml",
    ".gitignore",
)
_EPOCH = "1700000000"
_NAME = "canvas-sync-monitor"


@pytest.fixture(scope="session")
def built_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the sources without Git."""

    def build(folder: Path) -> Path:
        return hatchling(source_tree(folder / "source"), "wheel", folder)

    return made_once(tmp_path_factory, "wheel", build)


@pytest.fixture(scope="session")
def installed_wheel(built_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` folder of an environment into which somebody has installed the wheel.

    It has what the wheel requires and nothing else, linked from the environment of the tests: to
    download and to compile that takes long. The installer finds nothing missing, or fails.
    """

    def install(folder: Path) -> Path:
        _run([sys.executable, "-m", "venv", "--clear", "--without-pip", folder])
        paths = {"base": str(folder), "platbase": str(folder)}
        site_packages = Path(sysconfig.get_path("purelib", "venv", paths))
        for name in _required(Requirement(f"{_NAME}[demo]")):
            _link_files(distribution(name), site_packages)
        wheel = f"{_NAME}[demo] @ file://{built_wheel}"
        uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-cache"]  # pip: 5 times
        _run([*uv, "--no-index", "--python", folder / "bin" / "python", wheel])
        return folder / "bin"

    return made_once(tmp_path_factory, "environment", install)


def _required(requirement: Requirement) -> set[str]:
    """Return the names of the installed packages without which a package cannot be installed."""
    seen: set[tuple[str, str]] = set()
    waiting = [requirement]
    while waiting:
        needed = waiting.pop()
        name = canonicalize_name(needed.name)
        for key in {(name, extra) for extra in ("", *needed.extras)} - seen:
            seen.add(key)
            for text in distribution(name).requires or []:
                each = Requirement(text)
                if each.marker is None or each.marker.evaluate({"extra": key[1]}):
                    waiting.append(each)
    return {name for name, _ in seen} - {_NAME}


def _link_files(installed: Distribution, site_packages: Path) -> None:
    """Link the files of a package, with its bytecode, but not its commands."""
    for file in installed.files or []:
        target = site_packages / file
        if ".." not in file.parts and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(Path(str(installed.locate_file(file))).resolve())


def _run(command: Sequence[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"{command}: {done.stderr}"


def source_tree(folder: Path) -> Path:
    """Copy into a folder what a wheel is made of; a build leaves files behind."""
    for name in _SOURCES:
        shutil.copytree(ROOT / name, folder / name, symlinks=True)
    for name in _FILES:
        shutil.copy(ROOT / name, folder)
    return folder


def hatchling(source: Path, target: str, folder: Path) -> Path:
    """Build a ``wheel`` or an ``sdist`` of a source tree into a folder, and return its path."""
    environ = {**os.environ, "SOURCE_DATE_EPOCH": _EPOCH}
    command = [sys.executable, "-m", "hatchling", "build", "--target", target]
    subprocess.run(
        [*command, "--directory", folder],
        cwd=source,
        env=environ,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (built,) = folder.glob("*.whl" if target == "wheel" else "*.tar.gz")
    return built
