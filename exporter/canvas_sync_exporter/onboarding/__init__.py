"""What ``canvas-sync-monitor init`` finds out about a project, and what it then says and writes.

All modules only read; the command writes the one file that it makes.
"""
