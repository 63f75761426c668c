"""The schema of what the product writes: each metric, label, run field and log field, once.

Code, readers and reference pages take their names from here or are compared with it by a test.
"""
