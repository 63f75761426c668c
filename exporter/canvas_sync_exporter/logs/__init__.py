"""The log files: their size, their archives, their retention."""
