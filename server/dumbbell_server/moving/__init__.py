"""Data that moves: between servers by way of a fixture's folder, and out of offline runs."""
