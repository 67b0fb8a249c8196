"""Rows as columns: one array for each key of some thousand lines, made in the background."""
