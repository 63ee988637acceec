"""Tests of the client: at a pseudo-terminal and in pipes, against the reference server."""
