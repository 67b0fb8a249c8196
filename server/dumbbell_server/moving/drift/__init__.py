"""What a release of `wandb` asks of a server, and what ours answers."""
