"""The pages for users without a checkout, tried in an environment with nothing but the wheel."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from jsonschema import validate

from support.markdown import DOCS, blocks
from support.prometheus import DEPLOY, read_yaml, run_program
from support.serve_process import run_to_end

HOW_TO = DOCS / "how-to"
PAGES = [
    HOW_TO / f"{name}.md" for name in ("own-prometheus-grafana", "no-prometheus", "systemd", "helm")
]
by_name = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def commands(page: Path) -> Iterator[tuple[str, list[str]]]:
    """The commands of a page in their order, each with the lines that it prints."""
    for block in blocks(page, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *printed = part.replace("\\\n", " ").splitlines()
            yield " ".join(command.split()), printed


@by_name
def test_the_commands_print_what_the_page_shows(
    page: Path, installed_wheel: Path, tmp_path: Path
) -> None:
    for block in blocks(page, "toml"):
        (tmp_path / "config.toml").write_text(block)
    tried = 0
    for command, shown in commands(page):
        program, *words = shlex.split(command)
        if program == "canvas-sync-monitor":
            done = run_to_end([str(installed_wheel / program), *words], tmp_path)
            printed = (done.stdout + done.stderr).splitlines()
            assert without_dates(printed, shown) == shown, command
            tried += 1
        elif program == "promtool":
            assert run_program("promtool", *words, folder=tmp_path).splitlines() == shown
        elif program == "sed":
            run_program("sed", *words, folder=tmp_path)
    assert tried


def without_dates(lines: list[str], shown: list[str]) -> list[str]:
    """Put the page's dates in place of today's, and cut where the page does."""
    dates = r"\w{3} \d{4}-\d\d-\d\d"
    those = iter(re.findall(dates, "\n".join(shown)))
    text = re.sub(dates, lambda _: next(those, "more dates"), "\n".join(lines))
    if "…" in shown:
        text = "\n".join([*text.splitlines()[: shown.index("…")], "…"])
    return text.splitlines()


def test_the_values_for_the_chart_fit_its_schema() -> None:
    (block,) = blocks(HOW_TO / "helm.md", "yaml")

    validate(yaml.safe_load(block), read_yaml(DEPLOY / "helm" / "values.schema.json"))
