"""One file per version of the table."""
