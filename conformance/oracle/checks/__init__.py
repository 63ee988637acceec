"""The questions of the standard, a module a subject."""
