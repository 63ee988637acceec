"""The conditions of the attribution table: predicates about one incident."""
