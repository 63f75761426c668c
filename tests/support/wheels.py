"""The wheel of this checkout, built once for all tests of a run, and environments that have it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.fixture(scope="session")
def built_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the sources without Git."""

    def build(folder: Path) -> Path:
        return hatchling(source_tree(folder / "source"), "wheel", folder)

    return made_once(tmp_path_factory, "wheel", build)


@pytest.fixture(scope="session")
def installed_wheel(built_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` folder of an environment into which somebody has installed the wheel.

    Packages come from a registry or the cache of pip. Where there is neither, the tests are
    skipped, but fail where CI is true.
    """

    def install(folder: Path) -> str:
        """Return what went wrong."""
        wheel = f"canvas-sync-monitor[demo] @ file://{built_wheel}"
        install_wheel = ["-m", "pip", "install", "--quiet", "--no-compile", wheel]
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            [str(folder / "bin" / "python"), *install_wheel],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
            if done.returncode != 0:
                return f"{command}: {done.stderr}"
        return ""

    name = "environment"
    if error := made_once(tmp_path_factory, name, install):
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(error)
        pytest.skip(error)
    return built_wheel.parents[1] / name / "bin"


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
