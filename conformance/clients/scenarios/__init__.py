"""What the server sends and the user types, a module a topic."""
