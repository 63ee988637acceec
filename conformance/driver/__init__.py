"""The clients of a scenario: one thread, one selector, a transcript of it all."""
