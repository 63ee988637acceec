"""Throws arbitrary octets and calls at chatproto, and at a server over sockets: `make fuzz`."""
