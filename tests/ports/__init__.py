"""The servers of ports/: written in other languages, from the standard alone."""
