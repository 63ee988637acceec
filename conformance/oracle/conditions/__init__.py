"""The conditions of the attribution table: each a question about one incident."""
