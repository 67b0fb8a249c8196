"""Who a test is on a server: an entity with a key, the environment of its scripts, and what they have logged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dumbbell import Api
    from dumbbell.run import Run

# wandb reads each of them; `settings` files, caches and logs of the user's own stay untouched
_FOLDERS = {"WANDB_DIR": "dir", "WANDB_CACHE_DIR": "cache", "WANDB_CONFIG_DIR": "config", "WANDB_DATA_DIR": "data",
            "WANDB_ARTIFACT_DIR": "artifacts"}


@dataclass(frozen=True)
class Account:
    """A user with an entity of the same name, and a key."""

    base_url: str
    entity: str
    api_key: str = field(repr=False)
    folder: Path = field(repr=False)

    @property
    def env(self) -> dict[str, str]:
        """The environment in which `wandb` and `dumbbell` are this user, and write below `folder` alone.

        The netrc file is an empty one: no key of another server can get into a test.
        """
        for name in _FOLDERS.values():
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        netrc = self.folder / "netrc"
        netrc.touch(mode=0o600)
        return {variable: str(self.folder / name) for variable, name in _FOLDERS.items()} | {
            "WANDB_BASE_URL": self.base_url,
            "WANDB_API_KEY": self.api_key,
            "WANDB_ERROR_REPORTING": "false",
            "NETRC": str(netrc),
        }

    def api(self) -> Api:
        """A new client, which remembers nothing of an earlier one."""
        from dumbbell import Api

        return Api({"base_url": self.base_url, "entity": self.entity}, api_key=self.api_key)

    def runs(self, project: str | None = None, filters: Mapping[str, Any] | None = None) -> list[Run]:
        """The runs of a project (`NAME`, or `ENTITY/NAME`) or of all of the entity's, the oldest first.

        A project that is not there has none.
        """
        from dumbbell.errors import NotFoundError

        api = self.api()
        try:
            if project is None:
                projects = reversed(list(api.projects(self.entity)))
                found = [run for each in projects for run in self.runs(each.name, filters)]
                return sorted(found, key=lambda run: str(run.created_at))
            path = project if "/" in project else f"{self.entity}/{project}"
            return list(api.runs(path, dict(filters or {}), order="+created_at"))
        except NotFoundError:
            return []

    def history(self, run: Run | Any) -> list[dict[str, Any]]:
        """All rows of a run: of one from `runs`, of one of `wandb`, or by PROJECT/ID or ENTITY/PROJECT/ID."""
        path = run if isinstance(run, str) else f"{run.entity}/{run.project}/{run.id}"
        return list(self.api().run(path).scan_history())
