"""Outputs of the app alone: spans over OTLP, rows by the spool."""
