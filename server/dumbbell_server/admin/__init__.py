"""What serves tests and whoever runs the server, apart from the protocol."""
