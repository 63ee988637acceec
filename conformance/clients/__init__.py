"""The suite for clients: a scripted server, a client's program on a terminal or on pipes, the
scenarios between the two, and what is judged of them."""
