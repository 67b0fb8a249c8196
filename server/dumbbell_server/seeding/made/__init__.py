"""What a fixture has made: rows, files and media, and whole fixtures for load."""
