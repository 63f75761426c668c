"""``docs/reference/alerts.md`` names each alert and recording rule, and no other."""

from __future__ import annotations

import re

from support.markdown import DOCS, table
from support.prometheus import all_rules

PAGE = DOCS / "reference" / "alerts.md"


def test_each_alert_is_documented_with_its_severities_its_wait_and_its_runbook() -> None:
    documented = table(PAGE, "alert")
    known: dict[str, list[str]] = {}
    for rule in (rule for rule in all_rules() if "alert" in rule):
        name = rule["alert"]
        known.setdefault(name, ["", "", f"[{name}](../runbooks/{name}.md)"])
        severity = rule.get("labels", {}).get("severity")
        # Of an alert that repeats incidents it is theirs.
        words = f"`{severity}`" if severity else documented[name][0]
        assert re.fullmatch("(`(critical|warning|none)`(, )?)+", words), name
        expected = (words, rule.get("for", "immediately"))
        for cell, word in enumerate(expected):
            every = [*filter(None, known[name][cell].split(", ")), *word.split(", ")]
            known[name][cell] = ", ".join(dict.fromkeys(every))

    assert {
        name: [severity, after, runbook]
        for name, (severity, _, after, runbook) in documented.items()
    } == known


def test_each_recording_rule_is_documented() -> None:
    known = {rule["record"] for rule in all_rules() if "record" in rule}

    assert set(table(PAGE, "recording rule")) == known


def test_the_how_to_page_names_settings_and_lines_that_there_are() -> None:
    text = (DOCS / "how-to" / "alerts.md").read_text(encoding="utf-8")

    for path in re.findall(r"deploy/[\w./-]+\.(?:yml|tmpl)", text):
        assert (DOCS.parent / path).is_file(), path
