"""The app's own outputs: spans over OTLP, and rows through the spool."""
