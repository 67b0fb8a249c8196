"""Artifacts: types, collections and their versions, and the names, links and uses that versions have."""
