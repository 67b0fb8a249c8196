"""Commands of `dumbbell`, by subject."""
