"""A World's questions to a server that runs by itself."""

from __future__ import annotations

from typing import Any

import httpx2

from support.server import Server


class Live:
    def __init__(self, server: Server) -> None:
        self.client = httpx2.Client(base_url=server.base_url, timeout=60, follow_redirects=True)
        self.headers = {"authorization": f"Bearer {server.api_key}"}

    def gql(self, query: str, variables: dict[str, Any] | None = None) -> Any:
        """The data of an answer without errors."""
        answer = self.client.post("/graphql", json={"query": query, "variables": variables}, headers=self.headers)
        body = answer.json()
        assert answer.status_code == 200, body
        assert "errors" not in body, body
        return body["data"]

    def errors(self, query: str, variables: dict[str, Any] | None = None, *, status: int = 200) -> list[str]:
        """The messages of an answer that has errors."""
        answer = self.client.post("/graphql", json={"query": query, "variables": variables}, headers=self.headers)
        assert answer.status_code == status, answer.text
        return [error["message"] for error in answer.json()["errors"]]
