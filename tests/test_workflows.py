"""The workflows run what can be run by hand, and a tag is released only with its version."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from canvas_sync_core.version import VERSION
from support.markdown import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def jobs(workflow: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]
    return found


def commands(workflow: Path) -> list[str]:
    steps = [step for job in jobs(workflow).values() for step in job.get("steps", [])]
    return [step["run"] for step in steps if "run" in step]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.name)
def test_each_target_that_a_workflow_makes_exists(workflow: Path) -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    made = [
        word
        for command in commands(workflow)
        if command.startswith("make ")
        for word in command.split()[1:]
        if "=" not in word
    ]
    assert made
    assert set(made) <= set(targets)


def test_ci_runs_what_must_hold_before_a_change_lands() -> None:
    assert "bash .ci/run" in commands(ROOT / ".github" / "workflows" / "ci.yml")


def test_ci_tries_each_python_that_the_package_says_it_works_with() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [re.fullmatch(r".* :: (3\.\d+)", each) for each in project["classifiers"]]
    tried = jobs(ROOT / ".github" / "workflows" / "ci.yml")["python"]["strategy"]["matrix"]
    assert {found[1] for found in named if found} <= set(tried["python"])
    assert project["requires-python"] == f">={tried['python'][0]}"


@pytest.mark.parametrize("tag", [VERSION, "v99.0.0", ""])
def test_a_tag_of_another_version_is_not_released(tag: str, tmp_path: Path) -> None:
    (tmp_path / ".dev").touch()  # as if it had been installed
    command = ["make", "--silent", "-o", str(tmp_path / ".dev"), "release-check", f"TAG={tag}"]
    program = tmp_path / "bin" / "hatchling"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho {VERSION}\n")
    program.chmod(0o755)
    done = subprocess.run(
        [*command, f"VENV={tmp_path}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert f"The tag must be v{VERSION}" in done.stderr
