"""The server of a test: `dumbbell serve` that ends with whoever started it.

Its standard input is a pipe of the parent's. The pipe closes when the parent ends, however that comes about; a byte
before that lets the server go on.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading


def _end_with_parent() -> None:
    if not os.read(sys.stdin.fileno(), 1):  # of the file itself: a lock of Python's would be in the way of its end
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, name="dumbbell-parent", daemon=True).start()
    runpy.run_module("dumbbell_server", run_name="__main__")  # by its name: commands may know this package
