"""The public client of Dumbbell. Its API is not built yet; until then `wandb.Api` reads everything."""

__version__ = "0.1.0"
