"""What the instrumented app and the exporter share; it imports neither."""
