"""Measures chatproto beside its peers, in one run: `make bench` and the like."""
