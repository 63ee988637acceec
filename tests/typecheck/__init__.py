"""The types as a contract: programs a type checker is to accept, and programs it is to reject."""
