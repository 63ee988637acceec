"""Measures chatproto beside its peers, in one run: `make bench-octets`."""
