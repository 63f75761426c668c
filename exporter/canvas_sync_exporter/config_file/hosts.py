"""The section ``[hosts]``: where the exporter of each host is."""

from __future__ import annotations

from .table import Table
from .urls import base_url

__all__ = ["read_hosts"]


def read_hosts(table: Table) -> dict[str, str]:
    """Read the section: the URL of the exporter by the name of its host."""
    hint = '"https://sync-1.example.edu"; quote a host name with dots'
    found = {name: table.parsed(name, base_url, hint) for name in table.keys()}  # noqa: SIM118 - it is not a mapping
    return {name: url for name, url in found.items() if url is not None}
