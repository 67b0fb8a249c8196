"""The commands of `dumbbell` that the server brings, by subject."""
