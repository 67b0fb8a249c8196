"""Stored bytes, in a folder, in memory or in a bucket."""
