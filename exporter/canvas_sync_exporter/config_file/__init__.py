"""The configuration file: schedules, pauses, and what else does not fit into a variable.

Each section is one module that turns its table into a frozen dataclass; :mod:`.config_file` puts
them together.
"""
