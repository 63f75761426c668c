"""The commands of ``docs/how-to/alerts.md``, run on a copy."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from support.markdown import DOCS, blocks
from support.prometheus import DEPLOY, run_program

STEPS = [
    line.removeprefix("$ ")
    for block in blocks(DOCS / "how-to" / "alerts.md", "console")
    for line in block.splitlines()
    if line.startswith("$ sed")
]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    return tmp_path


def take(step: str, folder: Path) -> None:
    subprocess.run(step, shell=True, cwd=folder, check=True)


@pytest.mark.parametrize("receiver", ["slack", "email"])
def test_a_receiver_is_switched_on_by_its_command(copy: Path, receiver: str) -> None:
    (step,) = (each for each in STEPS if f"receiver: {receiver}" in each)
    take(step, copy)
    config = copy / "deploy" / "alertmanager" / "alertmanager.yml"
    run_program("amtool", "check-config", config)

    routes = yaml.safe_load(config.read_text(encoding="utf-8"))["route"]["routes"]
    assert [route["receiver"] for route in routes] == ["dead-mans-switch", receiver]


def test_links_are_changed_by_one_command(copy: Path) -> None:
    (step,) = (each for each in STEPS if "localhost:5000" in each)
    take(step, copy)
    rules = sorted((copy / "deploy" / "prometheus" / "rules").glob("*.yml"))
    run_program("promtool", "check", "rules", *rules)

    text = "".join(path.read_text(encoding="utf-8") for path in rules)
    assert "localhost" not in text
    assert "https://exporter.example.edu/runbooks/CanvasSyncStale" in text
    assert "https://grafana.example.edu/d/canvas-sync-overview" in text
