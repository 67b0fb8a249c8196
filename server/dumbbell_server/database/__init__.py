"""The database: units of work, statements, revisions, events."""
