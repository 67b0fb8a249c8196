"""The one check of the texts in a request to GraphQL: whether the databases can hold them.

Text that cannot be stored is made storable before anything is executed. A query then finds nothing by it, and a rule of
names refuses it in its own words; a mutation that would go through all the same is refused, and nothing is kept of it
(Context.unit).
"""

from __future__ import annotations

from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    ObjectFieldNode,
    StringValueNode,
    VariableDefinitionNode,
    Visitor,
    visit,
)

from dumbbell_server.json_text import made_storable, storable


def clean_variables(variables: dict[str, Any]) -> str | None:
    """Makes all texts storable, in place. Returns where the first stood that was not, such as `input.notes`."""
    where = None
    waiting: list[tuple[tuple[str, ...], dict[str, Any] | list[Any]]] = [((), variables)]
    while waiting:
        path, holder = waiting.pop()
        items: Any = holder.items() if isinstance(holder, dict) else enumerate(holder)
        for name, value in items:
            if isinstance(value, str):
                if not storable(value):
                    holder[name] = made_storable(value)
                    where = where or ".".join((*path, str(name)))
            elif isinstance(value, dict | list):
                waiting.append(((*path, str(name)), value))
    return where


def clean_literals(text: str, node: DocumentNode) -> tuple[DocumentNode, str | None]:
    """The same for what is written in the document itself, where it takes an escape: the document and that place."""
    if "\\u" not in text:
        return node, None
    cleaning = _Literals()
    cleaned: DocumentNode = visit(node, cleaning)
    return cleaned, cleaning.where


class _Literals(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.where: str | None = None

    def enter_string_value(self, node: StringValueNode, _key: Any, parent: Any, _path: Any, ancestors: Any,
                           ) -> StringValueNode | None:
        """The node that takes its place; None leaves it."""
        if storable(node.value):
            return None
        around = [*ancestors, parent]
        names = [one.name.value for one in around if isinstance(one, ArgumentNode | ObjectFieldNode)]
        names += [one.variable.name.value for one in around if isinstance(one, VariableDefinitionNode)]
        self.where = self.where or ".".join(names)
        return StringValueNode(value=made_storable(node.value), block=node.block, loc=node.loc)
