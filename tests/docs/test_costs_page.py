"""The page on what it costs: ``make figures`` runs the scripts that it names."""

from __future__ import annotations

import re

from support.markdown import DOCS, ROOT

PAGE = (DOCS / "explanation" / "costs.md").read_text()


def test_each_script_of_the_page_exists() -> None:
    scripts = re.findall(r"\| `(\w+\.py)`", PAGE)
    assert scripts
    assert [name for name in scripts if not (ROOT / "benchmarks" / name).is_file()] == []


def test_each_script_reads_its_command_line() -> None:
    """``--help`` explains a script; it must not begin to measure."""
    texts = {path.name: path.read_text() for path in (ROOT / "benchmarks").glob("*.py")}
    scripts = {name: text for name, text in texts.items() if "__main__" in text}
    assert len(scripts) > 20
    assert [name for name, text in scripts.items() if ".parse_args()" not in text] == []


def test_each_figure_has_the_script_that_measures_it() -> None:
    rows = {line for line in PAGE.splitlines() if line.startswith("| ")}
    without = {row for row in rows if not re.search(r"\| `\w+\.py`", row)}
    assert without == {"| what | figure | script |", "| --- | --- | --- |"}
