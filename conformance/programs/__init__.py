"""Generated programs: what clients do, drawn at random, played, shrunk, saved and played again."""
