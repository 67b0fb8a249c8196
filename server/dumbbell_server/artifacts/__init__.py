"""Artifacts: versions, their files, and what they were made from and used for."""
