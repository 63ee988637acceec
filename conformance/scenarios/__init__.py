"""The scenarios: they make things happen, and judge nothing. One file a section of the standard."""
