"""Parts of the demo as separate services for containers; they run until they are stopped."""
