"""Reports on the runs of a day, a week or a month.

:mod:`.periods` says which period a report is about, and :mod:`.due` which report is due. The other
modules read figures from the database and turn them into the content of a message.
"""
