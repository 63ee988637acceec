"""Everything that stretches or excuses a deadline."""
