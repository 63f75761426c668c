"""One verdict on every sync: what was expected, what is wrong, and since when.

Facts come from the runs table, the metric files, the log folder and the exporter itself. Conditions
are pure functions from facts to findings. Findings open, update and resolve incidents, which every
channel repeats: REST, ``/metrics``, alerts, messages, the web page and the command line.
"""
