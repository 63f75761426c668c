"""Variables that users of a dashboard can set."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import (
    CustomVariable,
    DatasourceVariable,
    QueryVariable,
    TextBoxVariable,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import (
    VariableModel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from .datasources import POSTGRESQL, PROMETHEUS, DataSource
from .promql import series

__all__ = [
    "Variable",
    "choose",
    "choose_label",
    "choose_row",
    "choose_rows",
    "choose_words",
    "scraped_by",
    "write",
]

Variable = Builder[VariableModel]

_EVERYTHING: Final = ".+"


def choose(source: DataSource) -> Variable:
    """Choose a data source; the default is the provisioned one."""
    variable = DatasourceVariable(source.variable).label(f"{source.name} data source")
    return variable.type(source.type).current(_option(source.name, source.uid))


def scraped_by(metric: str) -> tuple[Variable, Variable]:
    """Choose among the scrape jobs and instances that have a metric."""
    return (
        _labels("job", "Job", f"label_values({metric}, job)"),
        _labels("instance", "Instance", f'label_values({metric}{{job=~"$job"}}, instance)'),
    )


def choose_label(name: str, label: str, metric: str) -> Variable:
    """Choose among the values that a label of a metric has."""
    return _labels(name, label, f"label_values({series(metric)}, {name})")


def choose_rows(name: str, label: str, statement: str) -> Variable:
    """Choose among the values of a column; the default is all."""
    variable = _of_table(name, label, statement).multi(True).include_all(True)
    return variable.current(_option("All", "$__all"))


def choose_row(name: str, label: str, statement: str) -> Variable:
    """Choose one row; the default is the first."""
    return _of_table(name, label, statement)


def choose_words(name: str, label: str, words: tuple[str, ...]) -> Variable:
    """Choose among known words; the default is all."""
    variable = CustomVariable(name).label(label).values(",".join(words)).multi(True)
    return variable.include_all(True).current(_option("All", "$__all"))


def write(name: str, label: str, description: str) -> Variable:
    """Enter a text; the default is empty."""
    return TextBoxVariable(name).label(label).description(description).default_value("")


def _labels(name: str, label: str, query: str) -> Variable:
    return (
        QueryVariable(name)
        .label(label)
        .datasource(PROMETHEUS.reference)
        .query(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(_EVERYTHING)
        .current(_option("All", "$__all"))
    )


def _of_table(name: str, label: str, statement: str) -> QueryVariable:
    variable = QueryVariable(name).label(label).datasource(POSTGRESQL.reference)
    return variable.query(statement).refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)


def _option(text: str, value: str) -> VariableOption:
    return VariableOption(selected=True, text=text, value=value)
