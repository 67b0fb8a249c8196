"""Sweeps: a search over hyperparameters, and the runs that belong to it."""
