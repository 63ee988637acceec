"""The implementation under test: its address, its profile, its process."""
