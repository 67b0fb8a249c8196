"""The commands of the client: each a module of its name here, whose `command(arguments)` returns the exit code.

What they do is said here, where the help can read it without importing the client.
"""

COMMANDS = {
    "agent": "Start the runs of a sweep, one after another",
    "download": "Download the files of a run or an artifact",
    "history": "Write the history of a run",
    "login": "Write the key of a server to your netrc file, for that server only",
    "runs": "List the runs of a project",
    "sweep": "Make a sweep from its config",
}
