"""Measures of the server, and of the client, for comparing one commit with the next on one machine."""
