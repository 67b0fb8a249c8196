"""Dumbbell's server: everything a client of Weights & Biases expects behind its base URL."""

__version__ = "0.1.0"
