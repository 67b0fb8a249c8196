"""What the server sent of a run, its texts of JSON parsed when they are first read."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, ValuesView
from typing import Any

from dumbbell import _json

HIDDEN = frozenset({"_wandb", "wandb_version"})  # the client's own section of a config
_TEXTS = ("config", "summaryMetrics", "systemMetrics")


class RunAttrs(dict[str, Any]):
    """Fields by their names in GraphQL, as wandb has them in `run._attrs`: scripts that export runs read them there.

    `config` is without the client's own section, `rawconfig` with it; both are values by name.
    """

    def __init__(self, sent: dict[str, Any]) -> None:
        super().__init__(sent)
        self._stored: dict[str, dict[str, Any]] = {}

    def stored(self, key: str) -> dict[str, Any]:
        """The object of a text as the server keeps it: a config has its values wrapped."""
        self._read(key)
        return self._stored.get(key, {})

    def _read(self, key: object) -> None:
        if key == "rawconfig":
            key = "config"
        if key not in _TEXTS or key in self._stored or not super().__contains__(key):
            return
        found = self._stored[str(key)] = _json.mapping(super().__getitem__(str(key)))
        if key == "config":
            raw = {name: value["value"] if isinstance(value, dict) and "value" in value else value
                   for name, value in found.items()}
            self["rawconfig"] = raw
            found = {name: value for name, value in raw.items() if name not in HIDDEN}
        self[str(key)] = found

    def _read_all(self) -> None:
        for key in _TEXTS:
            self._read(key)

    def __getitem__(self, key: str) -> Any:
        self._read(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self._read(key)
        return super().__contains__(key)

    def get(self, key: str, default: Any = None) -> Any:
        """The field, or `default`."""
        self._read(key)
        return super().get(key, default)

    def __iter__(self) -> Iterator[str]:
        self._read_all()
        return super().__iter__()

    def items(self) -> ItemsView[str, Any]:  # type: ignore[override]  # a view all the same
        """All fields."""
        self._read_all()
        return super().items()

    def values(self) -> ValuesView[Any]:  # type: ignore[override]  # a view all the same
        """The values of all fields."""
        self._read_all()
        return super().values()
