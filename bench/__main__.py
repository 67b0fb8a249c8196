"""python -m bench: starts a server of its own and prints a table of what it spends."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from bench import measures
from bench.target import HEADER, running


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description="Server CPU and wall time, medians of five trials.",
                                     epilog="example: make bench ROWS=1000000")
    parser.add_argument("--rows", type=int, default=200_000, help="rows of the history that is read (default 200000)")
    parser.add_argument("--mib", type=int, default=256, help="size of the file sent up and down (default 256)")
    arguments = parser.parse_args()
    print(f"reference: {_reference():.0f} ms for a fixed piece of work on this machine, now\n\n{HEADER}")
    with tempfile.TemporaryDirectory(prefix="dumbbell-bench-") as name:
        folder = Path(name)
        for figure in measures.cold_start(folder):
            print(figure.line(), flush=True)
        (folder / "server").mkdir()
        with running(folder / "server") as target:
            for measure in (measures.upserts(target), measures.run_pages(target), measures.ingest(target),
                            measures.history(target, arguments.rows), measures.files(target, arguments.mib * 2**20)):
                for figure in measure:
                    print(figure.line(), flush=True)
            memory = target.process.memory_info().rss / 2**20
            print(f"\nmemory at the end: {memory:.0f} MiB")


def _reference() -> float:
    """Milliseconds for a fixed piece of work: two tables compare where these do."""
    document = {str(key): [key / 7, {"text": "x" * 50}] for key in range(2000)}
    took = []
    for _ in range(5):
        began = time.process_time()
        for _ in range(20):
            json.loads(json.dumps(document))
        took.append(time.process_time() - began)
    return min(took) * 1000


if __name__ == "__main__":
    main()
