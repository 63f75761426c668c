"""The exporter's recurring work: one job per file, and the table of all of them.

A job is a plain function or a small class. It knows what it needs and nothing of when it runs, so
that the REST API and the command line can call it too. Several processes may run it at once.
"""
