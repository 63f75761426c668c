"""Files: what is safe to read, how much room is left, text that cannot forge a line."""
