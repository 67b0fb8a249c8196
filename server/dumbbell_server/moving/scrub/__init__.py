"""Pseudonyms in a fixture's folder for what is nobody else's business."""
