"""Histories as the Parquet files that the server makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dumbbell._documents import runs as documents
from dumbbell._download import download, replacing
from dumbbell.errors import IncompleteRunHistoryError
from dumbbell.history import ask

if TYPE_CHECKING:
    from dumbbell.run_core import RunCore


@dataclass(frozen=True)
class DownloadHistoryResult:
    """What was downloaded.

    Attributes:
        paths: of the files, in the order of steps.
        contains_live_data: whether there are rows that are in none of them.
        errors: nothing, as a file that cannot be had is an error; wandb has it.
    """

    paths: list[Path]
    contains_live_data: bool
    errors: dict[Path, str] | None = None


def download_exports(run: RunCore, folder: Path, *, complete: bool) -> DownloadHistoryResult:
    """All files of a run's history, each in place only when it is whole."""
    found = ask(run.client, run, documents.PARQUET_HISTORY, liveKeys=[])["parquetHistory"]
    urls: list[str] = list(found["parquetUrls"]) if found else []
    live = bool(found and found["liveData"]) or (not urls and run.lastHistoryStep >= 0)
    if complete and live:
        raise IncompleteRunHistoryError(
            f"run {'/'.join(run.path)} has rows that are in no Parquet file yet; wait until it has ended, pass "
            "require_complete_history=False, or read them with scan_history()")
    paths = [folder / f"history-{number:04}.parquet" for number in range(len(urls))]
    for url, path in zip(urls, paths, strict=True):
        with replacing(path) as file:
            download(run.client.transport, url, file)
    return DownloadHistoryResult(paths, live)
