"""The server under attack, as a process on loopback, while others in the room chat on.

`make test` runs a slice of seconds, `make attack` the whole size.
"""
