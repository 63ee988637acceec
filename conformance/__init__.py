"""The chatproto/1 conformance suite: it judges any server over a socket, never by import."""
