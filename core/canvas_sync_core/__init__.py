"""What the instrumented app and the exporter share; knows neither of them."""
