"""Finds a server's dialect by talking to it."""
