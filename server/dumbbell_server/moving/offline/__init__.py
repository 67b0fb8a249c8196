"""Offline runs of `wandb`: their logs read, and turned into a fixture (docs/protocol/offline.md)."""
