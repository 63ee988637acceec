"""Attacks on a server process on loopback, while other members chat on.

`make test` runs a slice of seconds, `make attack` the whole size.
"""
