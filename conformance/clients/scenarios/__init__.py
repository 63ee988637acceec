"""The client scenarios, one module per topic: what the server sends and what the user types."""
