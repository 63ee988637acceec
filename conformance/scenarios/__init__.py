"""The scenarios: they make things happen and judge nothing. One file for each section."""
