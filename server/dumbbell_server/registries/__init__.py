"""Registries: who is in them, and looking through them all."""
