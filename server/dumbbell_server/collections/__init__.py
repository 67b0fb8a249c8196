"""Collections of artifact versions: where they are logged to, where they are linked to, and their types."""
