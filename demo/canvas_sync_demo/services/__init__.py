"""The show's parts as services of their own, for containers: no exporter, no report, no end."""
