"""Rows, samples, keys and console lines, as clients ask for them."""
