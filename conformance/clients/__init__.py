"""The client suite: a scripted server, the client's process on a terminal or on pipes, and the
scenarios."""
