"""What goes over the main port: recorded where a test asks for it, and disturbed where it asks for that."""
