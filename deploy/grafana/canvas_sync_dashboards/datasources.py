"""The data sources, as provisioning, dashboards and links name them (leaf)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.models.common import DataSourceRef

__all__ = ["LOKI", "POSTGRESQL", "PROMETHEUS", "TEMPO", "DataSource"]


@dataclass(frozen=True, slots=True)
class DataSource:
    """A data source that users of a dashboard can choose.

    Attributes:
        name: What people read.
        type: Grafana's name of the plugin.
        uid: Of the provisioned one, which is chosen at first.
        variable: The dashboards' variable that holds the uid of the chosen one.
    """

    name: str
    type: str
    uid: str
    variable: str

    @property
    def reference(self) -> DataSourceRef:
        """Return the reference with which a panel or query uses the chosen one."""
        return DataSourceRef(self.type, f"${{{self.variable}}}")


PROMETHEUS: Final = DataSource(
    "Prometheus", "prometheus", "canvas-sync-prometheus", "prometheus_datasource"
)
TEMPO: Final = DataSource("Tempo", "tempo", "canvas-sync-tempo", "tempo_datasource")
LOKI: Final = DataSource("Loki", "loki", "canvas-sync-loki", "loki_datasource")
POSTGRESQL: Final = DataSource(
    "PostgreSQL",
    "grafana-postgresql-datasource",
    "canvas-sync-postgresql",
    "postgresql_datasource",
)
