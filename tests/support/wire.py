"""A plain client over one connection, as each run of the SDK has one: for what would take the SDK too long."""

from __future__ import annotations

import base64
import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

from support.server import Server


class Client:
    def __init__(self, server: Server) -> None:
        target = urlsplit(server.base_url)
        self.connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=60)
        token = base64.b64encode(f"api:{server.api_key}".encode()).decode()
        self.headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}

    def post(self, path: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
        """The answer; in names of headers `_` stands for `-`."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request("POST", path, json.dumps(body), self.headers | more)
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status == 200, text
        return dict(json.loads(text))

    def ask(self, query: str) -> Any:
        return self.post("/graphql", {"query": query})["data"]

    def compact(self) -> None:
        """Returns once the server has nothing left to do in the background."""
        while self.post("/compact", {})["left"]:
            time.sleep(0.1)

    def close(self) -> None:
        self.connection.close()
