"""Runs and their states."""
