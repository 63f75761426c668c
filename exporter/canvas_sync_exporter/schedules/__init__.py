"""When runs are due: cron expressions, intervals, working hours, and the pauses between them.

All times that go in or come out are in UTC; a zone only says on which clock a schedule was written.
"""
