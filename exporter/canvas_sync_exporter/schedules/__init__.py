"""When runs are due: cron expressions, intervals, working hours, and the pauses between them.

All arguments and results are in UTC; a zone only says in which time zone a schedule was written.
"""
