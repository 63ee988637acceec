"""What happened in one scenario, as events: in memory, and in a file."""
