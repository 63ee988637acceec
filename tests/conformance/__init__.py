"""Tests of the suite: of the oracle without sockets, and of the command line against servers."""
