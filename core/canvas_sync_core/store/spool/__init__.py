"""Where rows wait for the database: one file of JSON lines for each process.

A line is a whole :class:`~canvas_sync_core.events.RunSnapshot`, appended by one write,
so it survives the SIGKILL of its writer. The owner holds a ``flock`` on its file as long as it
lives; a file whose lock is free belongs to a dead process, and the first process that takes the
lock writes its rows into the table. Writing a row twice changes nothing, so the file is emptied
only afterwards.

Do not use it on a network file system, where neither locks nor appends are reliable.
"""
