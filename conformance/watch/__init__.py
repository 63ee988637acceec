"""Stands between real clients and a real server, and records what both say."""
