"""python -m bench: starts a server of its own and prints a table of what it spends."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import artifacts, client, measures
from bench.target import HEADER, Figure, Target, running


def groups(folder: Path, rows: int, mib: int, entries: int) -> dict[str, Callable[[Target], Iterator[Figure]]]:
    """What can be asked for by `--only`; all share a server, but for `start`."""
    return {
        "start": lambda _target: measures.cold_start(folder),
        "upserts": measures.upserts,
        "runs": measures.run_pages,
        "ingest": measures.ingest,
        "history": lambda target: measures.history(target, rows),
        "files": lambda target: measures.files(target, mib * 2**20),
        "artifacts": lambda target: artifacts.files(target, mib * 2**20),
        "commits": lambda target: artifacts.commits(target, entries),
        "versions": lambda target: artifacts.among_many(target, entries),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="bench", description="Server CPU and wall time, medians of five trials. `runs` pages through what "
        "`upserts` has made. `client` has a table of its own: what dumbbell.Api takes beside the real wandb.Api.",
        epilog="examples: make bench; make bench ARGS='--only upserts,runs'; make bench ARGS='--rows 1000000'; "
        "make bench ARGS='--only client --runs 10000 --rows 1000000 --mib 1024'")
    parser.add_argument("--rows", type=int, default=200_000, help="rows of the history that is read (default 200000)")
    parser.add_argument("--mib", type=int, default=256, help="size of the file sent up and down (default 256)")
    parser.add_argument("--entries", type=int, default=100_000,
                        help="files of the large version, and versions of the large collection (default 100000)")
    parser.add_argument("--runs", type=int, default=2000, help="runs that the clients list (default 2000)")
    names = ", ".join([*groups(Path(), 0, 0, 0), "client"])
    parser.add_argument("--only", default="", help=f"names of groups, with commas between: {names}")
    parser.add_argument("--measure", default="", help="of the client's, only those whose name begins so")
    arguments = parser.parse_args()
    print(f"reference: {_reference():.0f} ms for a fixed piece of work on this machine, now")
    wanted = arguments.only.split(",") if arguments.only else names.split(", ")
    with tempfile.TemporaryDirectory(prefix="dumbbell-bench-") as name:
        if wanted != ["client"]:
            _server(Path(name), arguments, [group for group in wanted if group != "client"])
        if "client" in wanted:
            home = Path(name) / "clients"
            home.mkdir()
            print()
            sizes = client.Sizes(arguments.runs, arguments.rows, arguments.mib)
            for line in client.table(home, sizes, arguments.measure):
                print(line, flush=True)


def _server(folder: Path, arguments: argparse.Namespace, wanted: list[str]) -> None:
    print(f"\n{HEADER}")
    known = groups(folder, arguments.rows, arguments.mib, arguments.entries)
    home = folder / "server"
    home.mkdir()
    with running(home) as target:
        for group in wanted:
            for figure in known[group](target):
                print(figure.line(), flush=True)
        print(f"\nmemory of the server at the end: {target.process.memory_info().rss / 2**20:.0f} MiB")


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
