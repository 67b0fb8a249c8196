"""Exchanges as an HTTP archive, version 1.2, which browsers and other tools read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from dumbbell_server.exchanges.recorder import Exchange, Message

_UNKNOWN = -1  # as the format has it


def har(exchanges: Iterable[Exchange], base_url: str, version: str) -> dict[str, Any]:
    return {"log": {"version": "1.2", "creator": {"name": "Dumbbell", "version": version},
                    "entries": [_entry(exchange, base_url) for exchange in exchanges]}}


def _entry(exchange: Exchange, base_url: str) -> dict[str, Any]:
    milliseconds = round(exchange.duration * 1e3, 3)
    started = datetime.fromtimestamp(exchange.started, UTC).isoformat(timespec="milliseconds")
    return {
        "startedDateTime": started.replace("+00:00", "Z"),
        "time": milliseconds,
        "request": _request(exchange, base_url),
        "response": _response(exchange),
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
        "_operation": exchange.operation,
        "_route": exchange.route,
    }


def _request(exchange: Exchange, base_url: str) -> dict[str, Any]:
    url = base_url + exchange.path + (f"?{exchange.query}" if exchange.query else "")
    query = [{"name": name, "value": value} for name, value in parse_qsl(exchange.query, keep_blank_values=True)]
    found = {"method": exchange.method, "url": url, "queryString": query, **_common(exchange.request)}
    if exchange.request.body:
        found["postData"] = {"mimeType": _media_type(exchange.request), "text": exchange.request.body}
    return found


def _response(exchange: Exchange) -> dict[str, Any]:
    try:
        phrase = HTTPStatus(exchange.status).phrase
    except ValueError:  # it was cut, or is one of nobody's
        phrase = ""
    answer = exchange.answer
    content = {"size": answer.size, "mimeType": _media_type(answer), "text": answer.body or ""}
    location = dict(answer.headers).get("location", "")
    return {"status": exchange.status, "statusText": phrase, "redirectURL": location, "content": content,
            **_common(answer)}


def _common(message: Message) -> dict[str, Any]:
    return {"httpVersion": "HTTP/1.1", "cookies": [], "headersSize": _UNKNOWN, "bodySize": message.size,
            "headers": [{"name": name, "value": value} for name, value in message.headers]}


def _media_type(message: Message) -> str:
    return dict(message.headers).get("content-type", "")
