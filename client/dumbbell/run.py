"""One run: what it was started with, what came out, and its files."""

from __future__ import annotations

import secrets
import string
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from dumbbell import _json
from dumbbell._documents import artifacts as artifact_documents
from dumbbell._documents import runs as documents
from dumbbell._of_wandb import is_artifact_of_wandb
from dumbbell._paths import DEFAULT_PROJECT
from dumbbell.console import ConsoleLogs
from dumbbell.errors import CommError, InvalidValueError, NotFoundError, WrongTypeError, normalized
from dumbbell.exports import DownloadHistoryResult, download_exports
from dumbbell.files import File, Files, upload
from dumbbell.history import HistoryScan, ask, complain, framed, sampled_keys, sampled_rows, wrong_keys
from dumbbell.run_core import RunCore

if TYPE_CHECKING:
    from dumbbell.api import Api
    from dumbbell.artifacts import Artifact, RunArtifacts

_ID_LETTERS = string.digits + string.ascii_lowercase
_ENDED = frozenset({"finished", "crashed", "failed", "killed"})
_POLL = 5.0  # seconds between two looks at the state


class Run(RunCore):
    """A single run associated with an entity and project.

    Attributes:
        tags: ([str]) a list of tags associated with the run
        url: (str) the url of this run
        id: (str) unique identifier for the run (defaults to eight characters)
        name: (str) the name of the run
        state: (str) one of: running, finished, crashed, failed, killed, preempting, preempted, pending, aborted
        config: (dict) a dict of hyperparameters associated with the run
        created_at: (str) ISO timestamp when the run was started
        system_metrics: (dict) the latest system metrics recorded for the run
        summary: (Summary) a mutable dict-like property that holds the current summary; update persists any changes
        project: (str) the project associated with the run
        entity: (str) the name of the entity associated with the run
        user: (User) the user who created the run; `str()` of it is the name
        path: ([str]) unique identifier [entity]/[project]/[run_id]
        notes: (str) notes about the run
        read_only: (bool) whether the run is editable
        history_keys: (dict) keys of the history metrics that have been logged with `wandb.log({key: value})`
    """

    @classmethod
    def create(cls, api: Api, run_id: str | None = None, project: str | None = None, entity: str | None = None, *,
               state: Literal["running", "pending"] = "running") -> Run:
        """Create a run for the given project.

        Args:
            api: an Api.
            run_id: eight characters of 0-9a-z are made up if it is missing.
            project: the project of the Api's settings if it is missing; it is made if there is none.
            entity: the default entity if it is missing.
            state: "running", or "pending" for a run that something else will start.

        Raises:
            CommError: the server refused it.
        """
        name = run_id or "".join(secrets.choice(_ID_LETTERS) for _ in range(8))
        variables = {"entity": entity or api.default_entity, "name": name,
                     "project": project or api.settings.get("project") or DEFAULT_PROJECT}
        if state != "running":
            variables["state"] = state
        bucket = dict(api.client.execute(documents.CREATE, variables)["upsertBucket"]["bucket"])
        place = bucket.pop("project")
        return cls(api.client, place["entity"]["name"], place["name"], bucket["name"], bucket)

    @property
    def metadata(self) -> dict[str, Any] | None:
        """What `wandb-metadata.json` holds; None if it cannot be had."""
        try:
            with tempfile.TemporaryDirectory() as folder, self.file("wandb-metadata.json").download(folder) as file:
                return _json.mapping(file.read())
        except (CommError, OSError, ValueError):
            return None

    @normalized
    def update(self) -> None:
        """Persists changes to the run object to the wandb backend: name, notes, tags, config, then the summary.

        Raises:
            CommError: the server refused it.
        """
        variables = {"id": self.storage_id, "tags": self.tags, "description": self.description, "notes": self.notes,
                     "displayName": self.display_name, "config": self.json_config, "groupName": self.group,
                     "jobType": self.job_type}
        summary = self.summary
        bucket = self.client.execute(documents.UPDATE, variables)["upsertBucket"]["bucket"]
        self._accept(bucket)
        self._summary, self._attrs["summaryMetrics"] = summary, summary._json_dict  # noqa: SLF001 - as before
        summary.update()

    def save(self) -> None:
        """The same as `update`."""
        self.update()

    @normalized
    def update_state(self, state: Literal["pending", "failed"]) -> bool:
        """Set the state to "pending" or "failed", where the server allows it; whether it did."""
        if state not in {"pending", "failed"}:
            raise InvalidValueError(f"state {state!r} cannot be set; there are pending and failed")
        done = self.client.execute(documents.UPDATE_STATE, {"id": self.storage_id, "state": state})["updateRunState"]
        if done and done.get("success"):
            self._attrs["state"] = state
        return bool(done and done.get("success"))

    @normalized
    def stop(self) -> None:
        """Ask the process that logs this run to end."""
        self.client.execute(documents.STOP, {"id": self.storage_id})

    @normalized
    def delete(self, delete_artifacts: bool = False) -> None:
        """Delete the run.

        Args:
            delete_artifacts: also the artifacts that it logged.
        """
        variables: dict[str, Any] = {"id": self.storage_id}
        if delete_artifacts:
            variables["deleteArtifacts"] = True
        self.client.execute(documents.DELETE, variables)

    def wait_until_finished(self) -> None:
        """Look at the state every five seconds until the run has ended."""
        while True:
            state = ask(self.client, self, documents.STATE)["state"]
            self._attrs["state"] = state
            if state in _ENDED:
                return
            time.sleep(_POLL)

    @normalized
    def files(self, names: Sequence[str] | str = (), per_page: int = 50, *, pattern: str | None = None) -> Files:
        """The files of the run.

        Args:
            names: names of the requested files, if empty returns all files.
            per_page: number of results per page.
            pattern: names as SQL's LIKE has them, such as `media/%`; not together with names.

        Returns:
            A `Files` object, which is an iterator over `File` objects.
        """
        return Files(self.client, self, names, per_page, pattern=pattern)

    @normalized
    def file(self, name: str) -> File:
        """The file of this name.

        Raises:
            NotFoundError: (a ValueError) there is none.
        """
        for file in self.files([name]):
            if file.uploaded:
                return file
        raise NotFoundError(f"run {'/'.join(self.path)} has no file {name!r}")

    @normalized
    def upload_file(self, path: str, root: str = ".") -> File:
        """Put a local file among the run's files.

        Args:
            path: of the local file.
            root: its name in the run is its path from here.

        Raises:
            InvalidValueError: (a ValueError) there is no such file, or it is not below root.
        """
        return self.file(upload(self.client, self, path, root))

    @normalized
    def console_logs(self, *, per_page: int = 1000, last: int | None = None) -> ConsoleLogs:
        """What the run printed, line by line.

        Args:
            per_page: lines a request.
            last: only so many lines from the end.

        Returns:
            An iterable of lines with number, timestamp, level, label and content.
        """
        return ConsoleLogs(self.client, self, per_page, last)

    @normalized
    def logged_artifacts(self, per_page: int = 100) -> RunArtifacts:
        """The artifacts that it logged."""
        return self.client.classes.run_artifacts(self.client, self, "logged", per_page)

    @normalized
    def used_artifacts(self, per_page: int = 100) -> RunArtifacts:
        """The artifacts that it used."""
        return self.client.classes.run_artifacts(self.client, self, "used", per_page)

    @normalized
    def use_artifact(self, artifact: Artifact, use_as: str | None = None) -> Artifact:
        """Note that the run uses an artifact; returns it.

        Args:
            artifact: one that was logged.
            use_as: accepted because wandb has it.

        Raises:
            InvalidValueError: (a ValueError) it is not logged yet.
        """
        del use_as
        if not isinstance(artifact, self.client.classes.artifact) and not is_artifact_of_wandb(artifact):
            raise WrongTypeError(f"use_artifact takes an artifact, as api.artifact(...) gives it, not {artifact!r}")
        if artifact.is_draft():
            raise InvalidValueError(f"artifact {artifact.name!r} is not logged yet: use log_artifact() first")
        self.client.execute(artifact_documents.USE, {"input": {
            "artifactID": artifact.id, "entityName": self.entity, "projectName": self.project, "runName": self.id,
            "artifactEntityName": artifact.entity, "artifactProjectName": artifact.project}})
        return artifact

    @normalized
    def log_artifact(self, artifact: Artifact, aliases: Sequence[str] | None = None,
                     tags: Sequence[str] | None = None) -> Artifact:
        """Log an artifact as one of the run's outputs; returns it when the server has all of it.

        Files whose bytes the server has are not sent again; where a collection has the same content already, that
        version is meant.

        Args:
            artifact: a new one, or one that was logged to the same project. A new one of `wandb` is logged as it is.
            aliases: names of the version beside `latest`.
            tags: of the version.

        Raises:
            InvalidValueError: (a ValueError) it belongs to another project, or an alias is none.
            WrongTypeError: (a TypeError) it is no artifact.
        """
        if is_artifact_of_wandb(artifact):
            artifact = self.client.classes.artifact.of_wandb(artifact)
        if not isinstance(artifact, self.client.classes.artifact):
            raise WrongTypeError(f"log_artifact takes an Artifact, not {artifact!r}: make one by "
                                 "dumbbell.Artifact(name, type), and put files in by add_file(path) or add_dir(path)")
        return artifact._log(self, aliases, tags)  # noqa: SLF001 - logging is between the two

    @overload
    def history(self, samples: int = ..., keys: Sequence[str] | None = ..., x_axis: str = ..., *,
                pandas: Literal[False], stream: str = ..., polars: Literal[False] = ...) -> list[dict[str, Any]]: ...
    @overload
    def history(self, samples: int = ..., keys: Sequence[str] | None = ..., x_axis: str = ..., pandas: bool = ...,
                stream: str = ..., *, polars: bool = ...) -> Any: ...
    @normalized
    def history(self, samples: int = 500, keys: Sequence[str] | None = None, x_axis: str = "_step",
                pandas: bool = True, stream: str = "default", *, polars: bool = False) -> Any:
        """Returns sampled history metrics for a run.

        This is simpler and faster if you are ok with the history records being sampled.

        Args:
            samples: The number of samples to return; the first and the last row are among them.
            keys: Only return metrics for specific keys, of rows that have all of them.
            x_axis: Use this metric as the xAxis; defaults to _step.
            pandas: Return a pandas dataframe, if pandas is installed.
            stream: "default" for metrics; "system", or any other word, for machine metrics.
            polars: Return a polars dataframe instead, if polars is installed.

        Returns:
            If pandas=True returns a `pandas.DataFrame` of history metrics.
            If pandas=False returns a list of dicts of history metrics.

        Raises:
            NotFoundError: (a ValueError) the run is gone.
        """
        wrong = wrong_keys(keys, stream)
        if wrong:
            complain(wrong)
            return []
        rows = sampled_keys(self.client, self, samples, keys, x_axis) if keys else sampled_rows(
            self.client, self, samples, stream)
        return framed(rows, pandas=pandas and not polars, polars=polars)

    @normalized
    def scan_history(self, keys: Sequence[str] | None = None, page_size: int = 1000, min_step: int | None = None,
                     max_step: int | None = None, *, use_cache: bool = True) -> HistoryScan:
        """Returns an iterable collection of all history records for a run.

        Example:
            Export all the loss values for an example run:

                run = api.run("l2k2/examples-numpy-boston/i0wt6xua")
                history = run.scan_history(keys=["Loss"])
                losses = [row["Loss"] for row in history]

        Args:
            keys: only fetch these keys, and only fetch rows that have all of keys defined.
            page_size: size of pages to fetch from the api, in steps.
            min_step: the first step.
            max_step: the step after the last.
            use_cache: there is no cache; accepted because wandb has it.

        Returns:
            An iterable collection over history records (dict).

        Raises:
            InvalidValueError: (a ValueError) for keys that are not a list of str, or a page_size below 1.
        """
        del use_cache
        wrong = wrong_keys(keys, "default")
        if wrong:
            raise InvalidValueError(wrong)
        end = self.lastHistoryStep + 1
        return HistoryScan(self.client, self, min_step or 0, end if max_step is None else min(max_step, end),
                           page_size, keys)

    beta_scan_history = scan_history

    @normalized
    def download_history_exports(self, download_dir: str | Path,
                                 require_complete_history: bool = True) -> DownloadHistoryResult:
        """Download the Parquet files that the server has made of the history.

        Args:
            download_dir: the folder, made if need be.
            require_complete_history: fail if there are rows that are in no file yet.

        Returns:
            The paths of the files, and whether there are rows that are in none of them.

        Raises:
            IncompleteRunHistoryError: there are such rows.
        """
        return download_exports(self, Path(download_dir), complete=require_complete_history)
