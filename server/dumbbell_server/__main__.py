"""`python -m dumbbell_server`."""

from dumbbell_server.cli import main

main()
