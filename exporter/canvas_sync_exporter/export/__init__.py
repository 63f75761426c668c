"""Writes parts of the stack from the installed package: rules, dashboards, services, a chart."""
