"""Files: what is safe to read, free space, text that cannot forge a line."""
