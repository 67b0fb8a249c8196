"""So that annotations such as `dumbbell.apis.public.Run` are found where wandb has them."""
