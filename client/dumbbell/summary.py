"""The summary of a run: a dict that can be saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from dumbbell import _json
from dumbbell._client import Client
from dumbbell._documents import runs as documents

_H5 = "h5"  # the side file in which old runs kept large arrays


class SummarySubDict(MutableMapping[str, Any]):
    """A dict within the summary; keys are also attributes, and blanks around keys do not count."""

    _values: dict[str, Any]

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__["_values"] = values

    @property
    def _json_dict(self) -> dict[str, Any]:
        """The plain dict, nested ones too: the name by which W&B's guide and export scripts read it."""
        return self._values

    def __getitem__(self, key: str) -> Any:
        return self._shown(self._values[_stripped(key)])

    def __setitem__(self, key: str, value: Any) -> None:
        self._values[_stripped(key)] = _bare(value)
        self._touched(_stripped(key))

    def __delitem__(self, key: str) -> None:
        del self._values[_stripped(key)]
        self._touched(_stripped(key))

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: object) -> bool:
        return (_stripped(key) if isinstance(key, str) else key) in self._values

    def __repr__(self) -> str:
        return repr(self._values)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            try:
                return self[name]
            except KeyError:
                raise AttributeError(f"the summary has no {name!r}") from None

        def __setattr__(self, name: str, value: Any) -> None:
            self[name] = value

        def __delattr__(self, name: str) -> None:
            try:
                del self[name]
            except KeyError:
                raise AttributeError(f"the summary has no {name!r}") from None

    def _ipython_key_completions_(self) -> list[str]:
        return list(self._values)

    def _shown(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if value.get("_type") == _H5:
            return "..."
        return SummarySubDict(value)

    def _touched(self, key: str) -> None:
        del key


class Summary(SummarySubDict):
    """The summary of a run. What is set stays here until `update` saves the whole."""

    _client: Client
    _storage_id: str
    _own: set[str]

    def __init__(self, client: Client, storage_id: str, values: dict[str, Any]) -> None:
        super().__init__(values)
        self.__dict__.update(_client=client, _storage_id=storage_id, _own=set())

    def update(  # type: ignore[override]  # it also saves
            self, key_vals: Mapping[str, Any] | None = None, overwrite: bool = True) -> None:
        """Merge values, and save the whole summary: the server replaces what it had.

        Args:
            key_vals: values by key; without them, what was set before is saved.
            overwrite: False keeps the values of keys that were set on this object before.

        Raises:
            CommError: the server refused it.
        """
        for key, value in (key_vals or {}).items():
            name = _stripped(key)
            if overwrite or name not in self._own:
                self._values[name] = _bare(value)
        self._client.execute(documents.UPDATE_SUMMARY, {
            "id": self._storage_id, "summaryMetrics": _json.dumps(self._values, "summary")})

    def _touched(self, key: str) -> None:
        self._own.add(key)


def _stripped(key: str) -> str:
    return key.strip()


def _bare(value: Any) -> Any:
    """Summaries within are plain dicts, whose keys are text without blanks around it."""
    if isinstance(value, Mapping):
        return {_stripped(str(key)): _bare(item) for key, item in value.items()}
    return value
