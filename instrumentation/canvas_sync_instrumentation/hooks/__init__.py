"""Automatic instrumentation of the libraries that a sync uses.

Each hook imports its library when it is switched on, none when this package is imported.
"""
