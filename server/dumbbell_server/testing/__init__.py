"""For tests that need a server."""
