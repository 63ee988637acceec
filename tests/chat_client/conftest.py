"""A server for each test, in the test's own process, and peers on it."""

from tests.reference_server.conftest import connect, serve

__all__ = ["connect", "serve"]
