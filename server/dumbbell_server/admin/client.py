"""The other end of the admin port."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import httpx2

from dumbbell_server.admin.tars import MEDIA_TYPE, packed

_CONNECTING = 10.0  # seconds; what is asked for may take any time
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
        if isinstance(fixture, str) and not path.exists():
            return self._json("POST", "/admin/seed", json={"name": fixture})
        return self._json("POST", "/admin/seed", content=packed(path), headers={"content-type": MEDIA_TYPE})

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


def _said(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["errors"][0]["message"])
    except (ValueError, LookupError, TypeError):
        return f"{answer.url} answers {answer.status_code}: {answer.text[:_SHOWN]}"
