"""The other end of the admin port."""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, unquote

import httpx2

from dumbbell_server.admin.tars import LEFT_OUT, MEDIA_TYPE, packed, unpack
from dumbbell_server.errors import DumbbellError
from dumbbell_server.seeding.form.reading import shipped

_CONNECTING = 10.0  # seconds; what is asked for may take any time
_JSON = {"content-type": "application/json"}
_SHOWN = 500  # characters of an answer that is no refusal of ours


class AdminError(Exception):
    """A refusal in the server's words, or nobody who answers. `status` is None for the latter."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class AdminClient:
    """Speaks to the admin port at this URL, such as `http://localhost:8081`, with its token.

    Every method raises AdminError. It goes through no proxy: the port is near.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._client = httpx2.Client(timeout=httpx2.Timeout(None, connect=_CONNECTING), trust_env=False,
                                     headers={"authorization": f"Bearer {token}"})

    @classmethod
    def of_folder(cls, data_dir: Path) -> Self:
        """For the server that runs on this data folder. AdminError where none does, or it has no admin port."""
        file = data_dir / "admin.json"
        try:
            found = json.loads(file.read_text())
        except OSError as error:
            raise AdminError(f"cannot read {file}: {error.strerror}; a server that runs with --admin-port writes "
                             "it") from None
        return cls(found["admin_url"], found["admin_token"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def info(self) -> dict[str, Any]:
        """The server's `version`, and `counts` of what it holds."""
        return self._json("GET", "/admin/info")

    def reset(self, entity: str | None = None) -> dict[str, int]:
        """All projects of the entity are gone; without one everything but the first user. Returns how much went."""
        return self._json("POST", "/admin/reset", json={"entity": entity})

    def seed(self, fixture: str | Path) -> dict[str, int]:
        """A folder or file of one's own by its path, or a shipped fixture by its name. Returns how much was made."""
        path = Path(fixture)
        if isinstance(fixture, str) and (fixture in shipped() or not path.exists()):
            return self._json("POST", "/admin/seed", json={"name": fixture})
        return self._json("POST", "/admin/seed", content=packed(path), headers={"content-type": MEDIA_TYPE})

    def export(self, folder: str | Path, scope: str | None = None, *, with_keys: bool = False) -> list[str]:
        """Write the server, an entity or a project (ENTITY/PROJECT) as a fixture to a folder that is new or empty.

        API keys only where they are asked for. Returns what could not be exported, in words. On a failure nothing is
        left.
        """
        target = Path(folder).absolute()
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise AdminError(f"{str(folder)!r} is there already, and not empty; name another folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        wanted = {"with_keys": str(with_keys).lower()} | ({} if scope is None else {"scope": scope})
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as name:
            stream, fixture = Path(name) / "stream.tar", Path(name) / "fixture"
            with self._answer("GET", "/admin/export", params=wanted) as answer, stream.open("xb") as file:
                for chunk in answer.iter_bytes():
                    file.write(chunk)
            fixture.mkdir()
            try:
                unpack(stream, fixture, sys.maxsize)
            except DumbbellError as error:
                raise AdminError(f"what {self._url} sent is no fixture: {error}") from None
            fixture.replace(target)
        return unquote(answer.headers.get(LEFT_OUT, "")).splitlines()

    def snapshots(self) -> list[dict[str, Any]]:
        """All snapshots: their `name`, when they were `created`, `version` and `size` in bytes."""
        found: list[dict[str, Any]] = self._json("GET", "/admin/snapshots")["snapshots"]
        return found

    def snapshot(self, name: str) -> dict[str, Any]:
        """All that the server holds is put aside under this name, in place of what went by it."""
        return self._json("POST", _path(name), json={})

    def restore(self, name: str) -> dict[str, Any]:
        """The server holds what the snapshot holds, users and keys included, and nothing else."""
        return self._json("POST", f"{_path(name)}/restore", json={})

    def delete_snapshot(self, name: str) -> None:
        """It is gone."""
        self._json("DELETE", _path(name), headers={"content-type": "application/json"})

    def save_snapshot(self, name: str, file: str | Path) -> None:
        """Write it, with all files, as one file for another server. It holds the hashes of API keys."""
        target = Path(file)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.absolute().parent) as folder:
            part = Path(folder) / "part"
            with self._answer("GET", f"{_path(name)}/file") as answer, part.open("xb") as out:
                for chunk in answer.iter_bytes():
                    out.write(chunk)
            part.replace(target)

    def load_snapshot(self, name: str, file: str | Path) -> dict[str, Any]:
        """Take the file of another server's snapshot, under this name; `restore` puts it in place."""
        with Path(file).open("rb") as source:
            return self._json("PUT", f"{_path(name)}/file", content=iter(lambda: source.read(1 << 20), b""),
                              headers={"content-type": MEDIA_TYPE})

    def clock(self) -> dict[str, Any]:
        """The server's time as `now`, whether it is `frozen`, seconds `ahead` of the machine, what is due `next`."""
        return self._json("GET", "/admin/clock")

    def freeze(self, moment: str | datetime | None = None) -> dict[str, Any]:
        """The server's clock stands still, at this moment or where it is. Returns how it stands, as all of these."""
        text = moment.isoformat() if isinstance(moment, datetime) else moment
        return self._json("POST", "/admin/clock", json={"freeze": True if text is None else text})

    def advance(self, seconds: float) -> dict[str, Any]:
        """It is so many seconds later; what has become due by then has happened."""
        return self._json("POST", "/admin/clock", json={"advance": seconds})

    def skip(self) -> dict[str, Any]:
        """It is the moment at which the next thing is due, which has `happened`."""
        return self._json("POST", "/admin/clock", json={"next": True})

    def skip_by_itself(self, quiet: float = 0.2) -> dict[str, Any]:
        """It skips by itself whenever clients have asked but written nothing for so many seconds."""
        return self._json("POST", "/admin/clock", json={"auto": quiet})

    def release(self) -> dict[str, Any]:
        """It is the machine's time again."""
        return self._json("POST", "/admin/clock", json={"release": True})

    def record(self, *, on: bool = True) -> dict[str, Any]:
        """Exchanges of the main port are recorded from now on, or no longer. Returns the recorder's state."""
        return self._json("POST", "/admin/recorder", json={"on": on})

    def recorder(self) -> dict[str, Any]:
        """Whether it is `on`, how many `exchanges` and `bytes` it holds, and the number of the `last`."""
        return self._json("GET", "/admin/recorder")

    def exchanges(self, **wanted: Any) -> list[dict[str, Any]]:
        """What was recorded, the oldest first: by operation, route, path, status, run, user, since, limit."""
        found: list[dict[str, Any]] = self._json("GET", "/admin/exchanges", params=wanted)["exchanges"]
        return found

    def wait_for(self, *, timeout: float = 10.0, **wanted: Any) -> list[dict[str, Any]]:
        """The same once there is any. AdminError with the nearest exchanges where none comes in so many seconds."""
        found = self._json("GET", "/admin/exchanges/wait", params={**wanted, "timeout": timeout})
        if not found["exchanges"]:
            raise AdminError(_nearest(wanted, found["nearest"]))
        exchanges: list[dict[str, Any]] = found["exchanges"]
        return exchanges

    def forget(self) -> int:
        """Nothing is stored any more. Returns how many exchanges were."""
        return int(self._json("DELETE", "/admin/exchanges", headers=_JSON)["removed"])

    def har(self, **wanted: Any) -> dict[str, Any]:
        """What was recorded as an HTTP archive."""
        return self._json("GET", "/admin/exchanges.har", params=wanted)

    def add_fault(self, **rule: Any) -> int:
        """Answers go wrong by this rule from now on (docs/admin.md#faults). Returns its number."""
        return int(self._json("POST", "/admin/faults", json=rule)["id"])

    def faults(self) -> dict[str, Any]:
        """The `rules`, how often each matched and fired, and the numbers of those that are `unmatched`."""
        return self._json("GET", "/admin/faults")

    def remove_faults(self, number: int | None = None) -> int:
        """The rule is gone; without a number all are. Returns how many."""
        path = "/admin/faults" if number is None else f"/admin/faults/{number}"
        return int(self._json("DELETE", path, headers=_JSON)["removed"])

    def _json(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        with self._answer(method, path, **more) as answer:
            answer.read()
            found: dict[str, Any] = answer.json()
            return found

    @contextlib.contextmanager
    def _answer(self, method: str, path: str, **more: Any) -> Iterator[httpx2.Response]:
        try:
            with self._client.stream(method, self._url + path, **more) as answer:
                if not answer.is_success:
                    answer.read()
                    raise AdminError(_said(answer), answer.status_code)
                yield answer
        except httpx2.HTTPError as error:
            raise AdminError(f"{self._url} does not answer: {error}; check the URL, and that the server runs with "
                             "--admin-port") from error


def _path(name: str) -> str:
    return f"/admin/snapshots/{quote(name, safe='')}"


def _nearest(wanted: Mapping[str, Any], nearest: Sequence[Mapping[str, Any]]) -> str:
    """What was looked for, and what came instead."""
    lines = [f"no exchange with {', '.join(f'{name} {value!r}' for name, value in wanted.items()) or 'anything'}"]
    for each in nearest:
        exchange = each["exchange"]
        name = exchange["operation"] or exchange["path"]
        lines.append(f"{exchange['method']} {name} {exchange['status']}: {'; '.join(each['differences'])}")
    return "\n  ".join(lines)


def _said(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["errors"][0]["message"])
    except (ValueError, LookupError, TypeError):
        return f"{answer.url} answers {answer.status_code}: {answer.text[:_SHOWN]}"
