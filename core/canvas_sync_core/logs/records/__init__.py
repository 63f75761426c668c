"""Log records with their human-readable lines: one module for each kind of event."""
