"""One sync run: its state, what it adds up to, what it remembers of its calls."""
