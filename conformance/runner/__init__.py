"""Plays scenarios: one run of the suite, on pytest."""
