"""Filters and orders of runs: what a report keeps, and what the server is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from dumbbell.errors import InvalidValueError, UnknownOperatorError

_COLUMNS = frozenset({
    "createdAt", "created_at", "updatedAt", "updated_at", "heartbeatAt", "heartbeat_at", "name", "displayName",
    "display_name", "sweep", "state", "username", "group", "jobType", "job_type", "duration",
})
_PREFIXES = {"config.": "config", "summary_metrics.": "summary", "keys_info.keys.": "keys_info", "tags.": "tags"}
_PATHS = {section: prefix for prefix, section in _PREFIXES.items()}
_UNNEGATED = frozenset({"=", "!="})


class QueryGenerator:
    """A helper that writes filters for runs.

    The filter of a report is a tree of `{"op": "AND", "filters": [...]}` over
    `{"key": {"section": "config", "name": "lr"}, "op": "<", "value": 0.1}`; the server reads MongoDB's language.
    """

    INDIVIDUAL_OP_TO_MONGO: ClassVar[dict[str, str]] = {
        "!=": "$ne", ">": "$gt", ">=": "$gte", "<": "$lt", "<=": "$lte", "IN": "$in", "NIN": "$nin",
        "REGEX": "$regex",
    }
    GROUP_OP_TO_MONGO: ClassVar[dict[str, str]] = {"AND": "$and", "OR": "$or"}
    MONGO_TO_INDIVIDUAL_OP: ClassVar[dict[str, str]] = {mongo: op for op, mongo in INDIVIDUAL_OP_TO_MONGO.items()}
    MONGO_TO_GROUP_OP: ClassVar[dict[str, str]] = {mongo: op for op, mongo in GROUP_OP_TO_MONGO.items()}

    @classmethod
    def format_order_key(cls, key: str) -> str:
        """The order that the server reads: `loss` is `-summary_metrics.loss`, a run's own column stays one.

        The direction is the `+` or `-` in front; without one, the largest and newest come first. A summary metric
        that is called like a column is reached by `summary_metrics.` in front.
        """
        sign, name = (key[0], key[1:]) if key[:1] in {"+", "-"} else ("-", key)
        if name.split(".")[0] in {"config", "summary_metrics", "tags", "keys_info"} or name in _COLUMNS:
            return f"{sign}{name}"
        return f"{sign}summary_metrics.{name}"

    def key_to_server_path(self, key: Mapping[str, str]) -> str:
        """`{"section": "summary", "name": "loss"}` as `summary_metrics.loss`."""
        section, name = key["section"], key["name"]
        if section == "run":
            return name
        if section not in _PATHS:
            raise InvalidValueError(f"{section!r} is not a section; there are config, summary, keys_info, run and tags")
        return f"{_PATHS[section]}{name}"

    def server_path_to_key(self, path: str) -> dict[str, str]:
        """The inverse of `key_to_server_path`; without a known prefix it is a column of the run."""
        for prefix, section in _PREFIXES.items():
            if path.startswith(prefix):
                return {"section": section, "name": path.removeprefix(prefix)}
        return {"section": "run", "name": path}

    def keys_to_order(self, keys: Mapping[str, Any]) -> list[str]:
        """`{"keys": [{"key": ..., "ascending": true}]}` as a list of signed paths."""
        return [("+" if item["ascending"] else "-") + self.key_to_server_path(item["key"]) for item in keys["keys"]]

    def order_to_keys(self, order: list[str]) -> dict[str, Any]:
        """The inverse of `keys_to_order`."""
        keys = []
        for text in order:
            sign, name = (text[0], text[1:]) if text[:1] in {"+", "-"} else ("-", text)
            keys.append({"key": self.server_path_to_key(name), "ascending": sign == "+"})
        return {"keys": keys}

    def filter_to_mongo(self, filter: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: A002 - its name of old
        """The tree in MongoDB's language; None for a filter that says nothing.

        Raises:
            InvalidValueError: (a ValueError) for an operator or a section that there is not.
        """
        if "filters" in filter:
            op = filter["op"]
            if op not in self.GROUP_OP_TO_MONGO:
                raise UnknownOperatorError(f"{op!r} does not join filters; there are AND and OR")
            children = (self.filter_to_mongo(child) for child in filter["filters"])
            return {self.GROUP_OP_TO_MONGO[op]: [child for child in children if child is not None]}
        if "key" in filter:
            return self._individual(filter)
        return None

    def _individual(self, node: Mapping[str, Any]) -> dict[str, Any] | None:
        key, op, value = node["key"], node["op"], node.get("value")
        if key["name"] == "" or (value is None and op not in _UNNEGATED) or node.get("disabled"):
            return None
        if key["section"] == "tags":
            return self._tag(key["name"], op, value)
        path = self.key_to_server_path(key)
        if op == "=":
            return {path: value}
        if op not in self.INDIVIDUAL_OP_TO_MONGO:
            raise UnknownOperatorError(f"{op!r} is not an operator of filters; there are =, "
                                       + ", ".join(self.INDIVIDUAL_OP_TO_MONGO))
        return {path: {self.INDIVIDUAL_OP_TO_MONGO[op]: value}}

    def _tag(self, name: str, op: str, value: Any) -> dict[str, Any]:
        if op == "IN":
            return {"tags": {"$in": value}}
        absent = {"$or": [{"tags": None}, {"tags": {"$ne": name}}]}
        if (value is False) != (op == "!="):
            return absent
        return {"tags": name}

    def mongo_to_filter(self, filter: Mapping[str, Any]) -> dict[str, Any]:  # noqa: A002 - its name of old
        """The inverse of `filter_to_mongo`; several keys are an AND.

        Raises:
            InvalidValueError: (a ValueError) for what the tree cannot say, such as $exists.
        """
        if len(filter) != 1:
            return {"op": "AND", "filters": [self.mongo_to_filter({key: value}) for key, value in filter.items()]}
        (path, value), = filter.items()
        if path in self.MONGO_TO_GROUP_OP:
            return {"op": self.MONGO_TO_GROUP_OP[path], "filters": [self.mongo_to_filter(child) for child in value]}
        if path.startswith("$"):
            raise UnknownOperatorError(f"a report's filter cannot say {path}")
        key = self.server_path_to_key(path)
        if not isinstance(value, Mapping) or not any(str(name).startswith("$") for name in value):
            return {"key": key, "op": "=", "value": value}
        tests = [self._test(key, str(name), operand) for name, operand in value.items()]
        return tests[0] if len(tests) == 1 else {"op": "AND", "filters": tests}

    def _test(self, key: dict[str, str], name: str, operand: Any) -> dict[str, Any]:
        if name == "$eq":
            return {"key": key, "op": "=", "value": operand}
        if name not in self.MONGO_TO_INDIVIDUAL_OP:
            raise UnknownOperatorError(f"a report's filter cannot say {name}")
        return {"key": key, "op": self.MONGO_TO_INDIVIDUAL_OP[name], "value": operand}
