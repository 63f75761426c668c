"""The commands of the documentation: on a copy, never on files of the checkout."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from support.markdown import DOCS, ROOT, blocks, pages
from support.prometheus import DEPLOY, run_program

USER_PAGES = [
    page for page in pages() if page.name not in {"adding.md", "CHANGELOG.md", "CONTRIBUTING.md"}
]
CHANGES_LAST = {"cp", "install", "ln", "mv"}
CHANGES_ALL = {"mv", "nano", "patch", "rm", "sed", "tee", "truncate", "vi", "vim"}


def commands(page: Path) -> list[str]:
    """The commands of a page that a person types."""
    return [
        line.removeprefix("$ ")
        for block in blocks(page, "console")
        for line in block.splitlines()
        if line.startswith("$ ")
    ]


def changed_by(command: str) -> set[str]:
    """The files that a command line changes, as far as its words say."""
    command = re.sub(r"'[^']*'", "TEXT", command)
    changed = set(re.findall(r"(?<![<>&-])>{1,2}\s*([\w./-]+)", command))
    for part in re.split(r"\|\||&&|[|;]", command):
        name, *words = shlex.split(part, posix=False) or [""]
        files = [word for word in words if not word.startswith("-")]
        if name in CHANGES_ALL and not (name == "sed" and not re.search(r" -\w*i", part)):
            changed.update(files)
        if name in CHANGES_LAST:
            changed.update(files[-1:])
    return changed


def is_tracked(name: str) -> bool:
    return (ROOT / name).exists() and not name.startswith(("/", "..")) and name not in {".", "./"}


@pytest.mark.parametrize(
    ("command", "changed"),
    [
        ("sed -i 's|a|b|' deploy/prometheus/rules/api.yml", {"deploy/prometheus/rules/api.yml"}),
        ("echo x >> docker-compose.yml", {"docker-compose.yml"}),
        ("cp mine.yml deploy/loki/config.yml", {"deploy/loki/config.yml"}),
        ("cp -R deploy/alertmanager /etc/", set()),
        ("sed -n 1p docker-compose.yml", set()),
        ("echo 'a > README.md' | rm deploy/setup/files.py", {"deploy/setup/files.py"}),
    ],
)
def test_a_command_that_changes_the_checkout_is_recognized(command: str, changed: set[str]) -> None:
    assert {name for name in changed_by(command) if is_tracked(name)} == changed


@pytest.mark.parametrize("page", USER_PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_step_changes_a_file_of_the_checkout(page: Path) -> None:
    for command in commands(page):
        assert not [name for name in changed_by(command) if is_tracked(name)], command
    text = page.read_text(encoding="utf-8")
    changes = re.findall(
        r"(?:[Cc]hange|[Ee]dit|[Uu]ncomment|[Dd]elete|[Ww]rite)[^.:`]*`((?:deploy/|docker-compose\.yml)[^`]*)`",
        text,
    )
    assert changes == []


@pytest.mark.parametrize("receiver", ["slack", "email"])
def test_the_documented_command_switches_on_a_receiver_of_your_own_alertmanager(
    tmp_path: Path, receiver: str
) -> None:
    folder = tmp_path / "alertmanager"
    shutil.copytree(DEPLOY / "alertmanager", folder)
    steps = [each for each in commands(DOCS / "how-to" / "alerts.md") if each.startswith("sed")]
    (step,) = (each for each in steps if f"receiver: {receiver}" in each)
    subprocess.run(step, shell=True, cwd=folder, check=True)
    config = folder / "alertmanager.yml"
    run_program("amtool", "check-config", config)

    routes = yaml.safe_load(config.read_text(encoding="utf-8"))["route"]["routes"]
    assert [route["receiver"] for route in routes] == ["dead-mans-switch", receiver]
