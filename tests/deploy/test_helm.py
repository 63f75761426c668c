"""The chart, as far as it can be read without Helm: its values, and the files that it needs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from canvas_sync_core.version import VERSION
from canvas_sync_exporter.export.customizing import DATA_SOURCES, RULE_LABELS, Customization
from canvas_sync_exporter.export.parts import PARTS
from canvas_sync_exporter.export.writing import write
from support.prometheus import DEPLOY, RULES, read_yaml

VALUES: dict[str, Any] = read_yaml(DEPLOY / "helm" / "values.yaml")
SCHEMA: dict[str, Any] = json.loads((DEPLOY / "helm" / "values.schema.json").read_text())
TEMPLATES = sorted((DEPLOY / "helm" / "templates").iterdir())


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chart")
    write(folder, PARTS["helm"].files(Customization()), force=False)
    return folder


def paths(values: dict[str, Any], prefix: str = "") -> set[str]:
    """Return the path of each value, such as ``image.tag``."""
    found = {f"{prefix}{name}" for name in values}
    for name, value in values.items():
        if isinstance(value, dict):
            found |= paths(value, f"{prefix}{name}.")
    return found


def test_the_values_fit_their_schema() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    jsonschema.validate(VALUES, SCHEMA)


@pytest.mark.parametrize(
    "wrong",
    [
        {"imagee": {}},
        {"image": {"tagg": "1"}},
        {"links": {"exporter": "canvas-sync.example.edu"}},
        {"prometheusRule": {"alertLabels": {"severity": "page"}}},
        {"prometheusRule": {"without": ["stakc"]}},
        {"dashboards": {"datasources": {"mimir": "x"}}},
        {"settings": {"LOG_DIR": "/data"}},
        {"persistence": {"size": "10 GB"}},
    ],
    ids=str,
)
def test_a_wrong_value_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, SCHEMA)


def test_the_schema_has_every_value() -> None:
    def known(schema: dict[str, Any], prefix: str = "") -> set[str]:
        found: set[str] = set()
        for name, part in schema.get("properties", {}).items():
            found |= {f"{prefix}{name}"} | known(part, f"{prefix}{name}.")
        return found

    assert {path for path in paths(VALUES) if not path.startswith("resources.")} - known(SCHEMA) - {
        "dashboards.labels.grafana_dashboard",
        "dashboards.annotations.grafana_folder",
    } == set()


def test_the_templates_use_values_that_exist() -> None:
    text = "".join(file.read_text() for file in TEMPLATES)
    used = set(re.findall(r"(?:\.Values|\$values)\.([\w.]+)", text))

    assert used - paths(VALUES) == set()


def test_every_file_that_a_template_reads_is_in_the_chart(chart: Path) -> None:
    text = "".join(file.read_text() for file in TEMPLATES)
    read = re.findall(r'\.Files\.(?:Get|Glob) "([^"]+)"', text)

    assert len(read) == 4
    assert [pattern for pattern in read if not list(chart.glob(pattern))] == []


def test_a_checkout_has_the_same_files_as_links(chart: Path) -> None:
    for file in chart.rglob("*"):
        if file.is_file():
            name = file.relative_to(chart)
            assert (DEPLOY / "helm" / name).read_bytes() == file.read_bytes(), name


def test_what_schema_and_templates_know_of_rules_and_dashboards_is_true() -> None:
    rule = SCHEMA["properties"]["prometheusRule"]["properties"]
    assert set(rule["without"]["items"]["enum"]) == {file.stem for file in RULES}
    assert set(rule["alertLabels"]["propertyNames"]["not"]["enum"]) == RULE_LABELS
    kinds = SCHEMA["properties"]["dashboards"]["properties"]["datasources"]["properties"]
    assert {kind: f"canvas-sync-{kind}" for kind in kinds} == DATA_SOURCES


def test_no_secret_has_a_value() -> None:
    assert VALUES["secrets"] == {
        "exporter": "canvas-sync-exporter",
        "metricsToken": "canvas-sync-metrics-token",
    }
    text = "".join(file.read_text() for file in TEMPLATES)
    assert "kind: Secret" not in text


def test_the_chart_has_the_version_of_the_package() -> None:
    chart = yaml.safe_load((DEPLOY / "helm" / "Chart.yaml").read_text())

    assert (chart["version"], chart["appVersion"]) == (VERSION, VERSION)


def test_resources_and_settings_are_those_of_the_kubernetes_folder() -> None:
    documents = yaml.safe_load_all((DEPLOY / "kubernetes" / "exporter.yaml").read_text())
    objects = {each["kind"]: each for each in documents}
    pod = objects["Deployment"]["spec"]["template"]["spec"]

    assert pod["containers"][0]["resources"] == VALUES["resources"]
    claim = objects["PersistentVolumeClaim"]["spec"]["resources"]["requests"]["storage"]
    assert claim == VALUES["persistence"]["size"]
    secret = next(each["secret"] for each in pod["volumes"] if "secret" in each)
    assert secret["secretName"] == VALUES["secrets"]["exporter"]
