"""From the POST of a run to chunks in rows."""
