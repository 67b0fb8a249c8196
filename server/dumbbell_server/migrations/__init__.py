"""The database's own history."""
