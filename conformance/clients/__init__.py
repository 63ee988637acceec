"""The suite for clients: a scripted server, the client's program at a terminal or on pipes, and the
scenarios that both play."""
