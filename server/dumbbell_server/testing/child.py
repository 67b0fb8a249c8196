"""The server of a test: `dumbbell serve` that ends with whoever started it.

Its standard input is a pipe of the parent's. The pipe closes when the parent ends, however that comes about; then the
folder goes too that is its first argument. A byte before that lets the server go on.
"""

from __future__ import annotations

import os
import runpy
import shutil
import signal
import sys
import threading

_orphaned = threading.Event()


def _end_with_parent() -> None:
    if not os.read(sys.stdin.fileno(), 1):  # of the file itself: a lock of Python's would be in the way of its end
        _orphaned.set()
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    folder = sys.argv.pop(1)
    threading.Thread(target=_end_with_parent, name="dumbbell-parent", daemon=True).start()
    try:
        runpy.run_module("dumbbell_server", run_name="__main__")  # by its name: commands may know this package
    finally:
        if _orphaned.is_set():
            shutil.rmtree(folder, ignore_errors=True)
