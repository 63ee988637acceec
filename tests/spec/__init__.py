"""The standard's document, grammar and vectors, held against one another and the library."""
