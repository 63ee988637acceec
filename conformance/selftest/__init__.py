"""The suite against its specimens: each fault found, nobody accused."""
