"""The configuration file: schedules, pauses and other settings that do not fit into a variable.

Each section has a module that turns its table into a frozen dataclass; :mod:`.config_file` combines
them.
"""
