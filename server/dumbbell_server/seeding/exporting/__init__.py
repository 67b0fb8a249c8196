"""What a server holds, written as a fixture."""
