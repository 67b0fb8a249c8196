"""What a run writes line by line: metrics, system metrics, console."""
