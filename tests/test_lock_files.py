"""The lock files name one version of each package that ``pyproject.toml`` asks for, with hashes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from support.markdown import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
LOCKS = {
    "build": PYPROJECT["build-system"]["requires"],
    "image": [f"{PROJECT['name']}[exporter,demo]"],
    "dev": [f"{PROJECT['name']}[dev]"],
}
"""Each lock file -> what is installed from it."""


def lock(name: str) -> Path:
    return ROOT / "locks" / f"{name}.txt"


def locked(name: str) -> dict[str, Version]:
    """The packages of a lock file -> their versions."""
    text = lock(name).read_text(encoding="utf-8")
    pins = re.findall(r"^([\w.-]+)(?:\[[^]]*\])?==([^\s;]+)", text, re.MULTILINE)
    return {canonicalize_name(package): Version(version) for package, version in pins}


def wanted(requirements: list[str]) -> Iterator[Requirement]:
    """What requirements ask for, with the extras of this project in place of their names."""
    for requirement in map(Requirement, requirements):
        if requirement.name != PROJECT["name"]:
            yield requirement
            continue
        yield from map(Requirement, PROJECT["dependencies"])
        for extra in requirement.extras:
            yield from wanted(PROJECT["optional-dependencies"][extra])


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_has_what_pyproject_asks_for(name: str) -> None:
    versions = locked(name)
    missed = [
        str(requirement)
        for requirement in wanted(LOCKS[name])
        if (version := versions.get(canonicalize_name(requirement.name))) is None
        or version not in requirement.specifier
    ]
    assert not missed, f"locks/{name}.txt is out of date, call `make lock`: {missed}"


@pytest.mark.parametrize("name", LOCKS)
def test_each_package_of_a_lock_file_has_a_hash(name: str) -> None:
    entries = re.split(r"^(?=\w)", lock(name).read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert len(entries) == len(locked(name)) > 0
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_names_no_registry(name: str) -> None:
    text = lock(name).read_text(encoding="utf-8")
    assert re.findall(r"\S*://\S*|--\S*(?:index|links)\S*", text) == []
