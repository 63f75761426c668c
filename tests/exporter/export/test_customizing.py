"""The user's changes in the text of the files: the same as in their content, and no others."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from canvas_sync_exporter.export.customizing import (
    DATA_SOURCES,
    RULE_LABELS,
    Customization,
    customize_rules,
    replace_datasources,
)
from support.grafana import DASHBOARDS, GRAFANA
from support.prometheus import DEPLOY, RULES, all_rules

FILES = [*RULES, DEPLOY / "kubernetes" / "prometheusrule.yaml"]
by_name = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def rules_in(content: Any) -> list[dict[str, Any]]:
    groups = content.get("groups") or content["spec"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


@by_name
def test_without_changes_a_text_stays_as_it_is(path: Any) -> None:
    text = path.read_text()

    assert customize_rules(text, Customization()) == text


@by_name
@pytest.mark.parametrize(
    "value", ["lms", "", "a: b # c", '"quoted" \\ {{ $labels.instance }}', "é"]
)
def test_every_alert_gets_the_labels_and_nothing_else_changes(path: Any, value: str) -> None:
    text = path.read_text()
    expected = yaml.safe_load(text)
    for rule in rules_in(expected):
        if "alert" in rule:
            rule.setdefault("labels", {}).update({"team": value, "other": "1"})

    labelled = customize_rules(text, Customization(alert_labels={"team": value, "other": "1"}))

    assert yaml.safe_load(labelled) == expected


@by_name
def test_every_link_leads_to_the_users_servers(path: Any) -> None:
    custom = Customization(exporter_url="https://e.example.edu/x", grafana_url="https://g.example")

    unchanged = yaml.safe_load(path.read_text())
    changed = yaml.safe_load(customize_rules(path.read_text(), custom))

    for rule, original in zip(rules_in(changed), rules_in(unchanged), strict=True):
        for annotation, base in (
            ("runbook_url", "https://e.example.edu/x/runbooks/"),
            ("dashboard_url", "https://g.example/d/"),
        ):
            if "alert" in rule:
                link = rule["annotations"].pop(annotation)
                was = original["annotations"].pop(annotation)
                assert link == base + was.rpartition("/")[2]
        assert rule == original


def test_the_labels_that_rules_set_are_known() -> None:
    found = {name for rule in all_rules() for name in rule.get("labels", {})}

    assert found == RULE_LABELS


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_a_dashboard_chooses_the_users_data_sources(uid: str) -> None:
    text = (GRAFANA / "dashboards" / f"{uid}.json").read_text()
    custom = Customization(datasources={kind: f"my-{kind}" for kind in DATA_SOURCES})

    changed = json.loads(replace_datasources(text, custom))

    chosen = [each for each in changed["templating"]["list"] if each["type"] == "datasource"]
    for variable in chosen:
        kind = variable["name"].removesuffix("_datasource")
        assert variable["current"]["value"] == f"my-{kind}"
        variable["current"]["value"] = DATA_SOURCES[kind]
    assert chosen
    assert changed == json.loads(text)
