"""The exporter's recurring work: one job per file, and the table of all of them.

A job is a plain function or a small class. It does not know when it runs, so the REST API and
the command line can call it too. Several processes may run it at once.
"""
