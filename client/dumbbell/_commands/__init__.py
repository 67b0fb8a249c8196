"""The commands of the client, each a module with `SUMMARY` and `command(arguments)`, which returns the exit code."""
