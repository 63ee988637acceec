"""Reads a transcript: what each client sent, as lines, and received, as units."""
