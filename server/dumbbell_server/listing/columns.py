"""Columns of a list in memory: filters and orders over thousands of rows without reading them.

A row has a slot for life; a column holds a cell for each slot. What a test found is kept as one byte a slot, and an
order as the list of slots, and both are mended where rows change: a question that comes again costs next to nothing.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import compress, islice
from typing import Any

from dumbbell_server.budget import current
from dumbbell_server.errors import BadInput
from dumbbell_server.listing.orders import NUMBERS, Key, Position, comparable, place
from dumbbell_server.listing.tree import Every, Field, Leaf, Not, Test, Tree
from dumbbell_server.listing.values import MISSING, Several

_AT_ONCE = 100  # cells that a test is asked of before a look at the time
_COLUMNS_KEPT = 1000
_TESTS_KEPT = 32  # a column
_LONGEST_KEPT = 4096  # characters of a test's name, which says all that it looks for
_ORDERS_KEPT = 8
_MENDED = 500  # changed rows up to which an order is mended rather than made again
_FEW = 20  # a filter that lets through less than one row in so many is ordered by itself
_SAMPLED = 200  # cells whose size is taken for that of all

_COMPARE: dict[str, Callable[[list[float], float], bytes]] = {
    "$lt": lambda numbers, bound: bytes([number < bound for number in numbers]),
    "$lte": lambda numbers, bound: bytes([number <= bound for number in numbers]),
    "$gt": lambda numbers, bound: bytes([number > bound for number in numbers]),
    "$gte": lambda numbers, bound: bytes([number >= bound for number in numbers]),
    "$eq": lambda numbers, bound: bytes([number == bound for number in numbers]),
}


class Column:
    def __init__(self, cells: list[Any]) -> None:
        self.cells = cells
        self._numbers: list[float] | None = None  # NaN where the cell is no number: it compares with nothing
        self._has_lists = any(type(cell) in {list, Several} for cell in cells)
        self._found: OrderedDict[str, bytearray] = OrderedDict()
        self._each: float | None = None  # bytes a cell

    def passing(self, test: Test) -> int:
        """One byte a slot, 1 where the test holds, as a number: so they can be combined at once."""
        if not _is_kept(test):
            return int.from_bytes(self._ask(test), "little")
        found = self._found.get(test.name)
        if found is None:
            found = self._found[test.name] = bytearray(self._ask(test))
            if len(self._found) > _TESTS_KEPT:
                self._found.popitem(last=False)
        else:
            self._found.move_to_end(test.name)
        return int.from_bytes(found, "little")

    def _ask(self, test: Test) -> bytes:
        if not self._has_lists and test.bound is not None:
            if self._numbers is None:
                self._numbers = [_number(cell) for cell in self.cells]
            operator, bound = test.bound
            return _COMPARE[operator](self._numbers, bound)
        if not self._has_lists and test.text is not None:
            text = test.text
            return bytes([cell == text for cell in self.cells])
        return b"".join(self._ask_some(test, at) for at in range(0, len(self.cells), _AT_ONCE))

    def _ask_some(self, test: Test, first: int) -> bytes:
        current().look()
        return bytes(map(test.holds, self.cells[first:first + _AT_ONCE]))

    def forget_tests(self) -> None:
        self._found.clear()

    def change(self, slot: int, cell: Any) -> bool:
        """Set a cell, the next one after the last at most. Returns whether it is another value."""
        if slot == len(self.cells):
            self.cells.append(cell)
            if self._numbers is not None:
                self._numbers.append(_number(cell))
        else:
            before = self.cells[slot]
            if type(before) is type(cell) and before == cell:
                return False
            self.cells[slot] = cell
            if self._numbers is not None:
                self._numbers[slot] = _number(cell)
        self._has_lists = self._has_lists or type(cell) in {list, Several}
        self._each = None
        return True

    def mend(self, slots: Iterable[int], tests: Mapping[str, Test]) -> None:
        """Ask the kept tests again of the cells that changed; `tests` are those that can still be asked."""
        for name in list(self._found):
            test = tests.get(name)
            if test is None:
                del self._found[name]
                continue
            found = self._found[name]
            found.extend(bytes(len(self.cells) - len(found)))
            try:
                for slot in slots:
                    found[slot] = test.holds(self.cells[slot])
            except BadInput:  # of the one who asked first, who hears so when asking again
                del self._found[name]

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        if self._each is None:
            sample = self.cells[::max(1, len(self.cells) // _SAMPLED)]
            self._each = 8 + sum(map(_size, sample)) / max(1, len(sample))
        lists = len(self._found) + (8 if self._numbers is not None else 0)
        return int(len(self.cells) * (self._each + lists))


def _is_kept(test: Test) -> bool:
    """Whether what it found is kept: a list of a hundred thousand names takes far more memory than its answer."""
    return len(test.name) <= _LONGEST_KEPT


def _number(cell: Any) -> float:
    return cell if type(cell) is float or type(cell) is int else math.nan


def _size(cell: Any) -> int:
    if isinstance(cell, dict):
        return sys.getsizeof(cell) + sum(_size(key) + _size(value) for key, value in cell.items())
    if isinstance(cell, list | tuple):
        return sys.getsizeof(cell) + sum(map(_size, cell))
    if isinstance(cell, Several):
        return _size(cell.values)
    return 0 if cell is None or cell is MISSING or isinstance(cell, bool) else sys.getsizeof(cell)


@dataclasses.dataclass(frozen=True)
class Found:
    """How many rows a filter lets through, which (a byte a slot), and the ids and places of those on the page."""

    count: int
    passing: int
    rows: list[tuple[int, Position]]
    more: bool


Rank = tuple[Any, ...]


class _Order:
    """Slots in order, but for those whose rows changed since; as an array, which is copied without touching each."""

    def __init__(self, slots: list[int]) -> None:
        self.slots = array("I", slots)
        self._moved: dict[int, Rank] = {}  # changed slots, and what they sorted by
        self._fresh: set[int] = set()

    @property
    def stale(self) -> int:
        return len(self._moved) + len(self._fresh)

    def add(self, slot: int) -> None:
        self._fresh.add(slot)

    def move(self, slot: int, before: Rank) -> None:
        if slot not in self._fresh:
            self._moved.setdefault(slot, before)

    def _index(self, slot: int, spot: Rank, rank: Callable[[int], Rank]) -> int:
        """Where the slot stands. The slot of a row that went, and whose number came back, sorts by the same."""
        at = bisect_left(self.slots, spot, key=rank)
        while self.slots[at] != slot:
            at += 1
        return at

    def mend(self, rank: Callable[[int], Rank]) -> None:
        """Take the changed ones out, and put each where it belongs now."""
        moved = self._moved
        def before(slot: int) -> Rank:
            return moved.get(slot) or rank(slot)

        cuts = sorted(self._index(slot, spot, before) for slot, spot in moved.items())
        kept = array("I")
        done = 0
        for cut in cuts:
            kept += self.slots[done:cut]
            done = cut + 1
        kept += self.slots[done:]
        mended = array("I")
        done = 0
        for spot, slot in sorted((rank(slot), slot) for slot in (*moved, *self._fresh)):
            here = bisect_right(kept, spot, lo=done, key=rank)
            mended += kept[done:here]
            mended.append(slot)
            done = here
        self.slots, self._moved, self._fresh = mended + kept[done:], {}, set()


class Table:
    """The columns of one list. Not safe for threads: the caller holds a lock."""

    def __init__(self, ids: Sequence[int] = ()) -> None:
        self.ids = list(ids)
        self._slots = {number: slot for slot, number in enumerate(self.ids)}
        self._alive = bytearray(b"\1") * len(self.ids)
        self.dead = 0
        self.columns: OrderedDict[Field, Column] = OrderedDict()
        self._orders: OrderedDict[tuple[Key, ...], _Order] = OrderedDict()
        self._tests: dict[str, Test] = {}

    def add_column(self, field: Field, cells: Mapping[int, Any] | list[Any]) -> None:
        """A column: its cells as the rows are, or by their ids."""
        self.columns[field] = Column(cells if isinstance(cells, list) else
                                     [cells.get(number, MISSING) for number in self.ids])
        if len(self.columns) > _COLUMNS_KEPT:
            self.drop_column()

    def drop_column(self) -> None:
        """Let go of the column that was not asked about for longest."""
        self.forget(next(iter(self.columns)))

    def forget(self, field: Field) -> None:
        """Let go of a column and of the orders by it."""
        self.columns.pop(field, None)
        self._orders = OrderedDict((keys, order) for keys, order in self._orders.items()
                                   if all(key.field != field for key in keys))

    def change(self, fields: Sequence[Field], rows: Iterable[tuple[int, Sequence[Any]]]) -> None:
        """Rows that are new or other than before, with a cell for each of the fields, which are all columns."""
        columns: list[tuple[Column, set[int]]] = [(self.columns[field], set()) for field in fields]
        orders = [(order, self._rank(keys)) for keys, order in self._orders.items()]
        for number, cells in rows:
            slot = self._slots.get(number)
            before = [] if slot is None else [rank(slot) for _, rank in orders]
            if slot is None:
                slot = self._slots[number] = len(self.ids)
                self.ids.append(number)
                self._alive.append(1)
                for order, _ in orders:
                    order.add(slot)
            for (column, touched), cell in zip(columns, cells, strict=True):
                if column.change(slot, cell):
                    touched.add(slot)
            for (order, rank), earlier in zip(orders, before, strict=False):
                if rank(slot) != earlier:
                    order.move(slot, earlier)
        for column, touched in columns:
            if touched:
                column.mend(touched, self._tests)

    def keep_only(self, ids: Iterable[int]) -> None:
        """Forget the rows that are gone. Their slots stay, empty."""
        gone = self._slots.keys() - set(ids)
        for number in gone:
            self._alive[self._slots.pop(number)] = 0
        self.dead += len(gone)

    def passing(self, tree: Tree, constants: Mapping[str, Any]) -> int:
        """The rows that a filter lets through, a byte a slot. `constants` are cells that all rows share, by column."""
        return int.from_bytes(self._alive, "little") & self._passing(tree, constants)

    def page(self, passing: int, keys: tuple[Key, ...], after: tuple[Position, int] | None, size: int) -> Found:
        """Count these rows, and find a page of them after a place."""
        count = passing.bit_count()
        if not size:
            return Found(count, passing, [], more=count > 0)
        flags = passing.to_bytes(len(self.ids), "little")
        start = None if after is None else comparable(after[0], keys, after[1])
        order = self._order(keys, flags, count)
        begin = 0 if start is None else bisect_right(order, start, key=self._rank(keys))
        chosen = list(islice((slot for slot in order[begin:] if flags[slot]), size + 1))
        return Found(count, passing, [(self.ids[slot], self._position(slot, keys)) for slot in chosen[:size]],
                     len(chosen) > size)

    def _passing(self, tree: Tree, constants: Mapping[str, Any]) -> int:
        if isinstance(tree, Leaf):
            column = self.columns.get(tree.field)
            if column is None:
                return self._full() if tree.test.holds(constants.get(tree.field.column, MISSING)) else 0
            self.columns.move_to_end(tree.field)
            if _is_kept(tree.test):
                self._remember(tree.test)
            return column.passing(tree.test)
        if isinstance(tree, Not):
            return self._full() ^ self._passing(tree.part, constants)
        both = isinstance(tree, Every)
        result = self._full() if both else 0
        for part in tree.parts:
            found = self._passing(part, constants)
            result = result & found if both else result | found
        return result

    def _remember(self, test: Test) -> None:
        """Kept results are mended by their test; when there are too many tests, all are asked again."""
        if len(self._tests) > _TESTS_KEPT * max(1, len(self.columns)):
            self._tests.clear()
            for column in self.columns.values():
                column.forget_tests()
        self._tests[test.name] = test

    def _full(self) -> int:
        return int.from_bytes(b"\1" * len(self.ids), "little")

    def _order(self, keys: tuple[Key, ...], flags: bytes, count: int) -> Sequence[int]:
        for key in keys:
            if key.field in self.columns:
                self.columns.move_to_end(key.field)
        kept = self._orders.get(keys)
        if kept is not None and kept.stale <= _MENDED:
            self._orders.move_to_end(keys)
            if kept.stale:
                kept.mend(self._rank(keys))
            return kept.slots
        if count * _FEW < len(self.ids):
            return sorted(compress(range(len(self.ids)), flags), key=self._rank(keys))
        order = self._orders[keys] = _Order(self._sorted(keys))
        if len(self._orders) > _ORDERS_KEPT:
            self._orders.popitem(last=False)
        return order.slots

    def _sorted(self, keys: tuple[Key, ...]) -> list[int]:
        """Every slots in order: by age, then by each key from the last to the first, which keeps what was before."""
        order = sorted(range(len(self.ids)), key=self.ids.__getitem__, reverse=keys[0].descending)
        for key in reversed(keys):
            column = self.columns.get(key.field)
            if column is not None:
                order = _sorted_by(order, column.cells, descending=key.descending)
        return order

    def _position(self, slot: int, keys: tuple[Key, ...]) -> Position:
        return tuple(place(self.columns[key.field].cells[slot] if key.field in self.columns else MISSING)
                     for key in keys)

    def _rank(self, keys: tuple[Key, ...]) -> Callable[[int], Rank]:
        """What a slot sorts by."""
        def rank(slot: int) -> Rank:
            return comparable(self._position(slot, keys), keys, ids[slot])

        ids, column = self.ids, self.columns.get(keys[0].field)
        if len(keys) > 1 or column is None:
            return rank
        cells, sign = column.cells, -1 if keys[0].descending else 1

        def quick(slot: int) -> Rank:
            """The same for a number alone, which is what is mostly ordered by."""
            cell = cells[slot]
            return (NUMBERS, sign * cell, sign * ids[slot]) if type(cell) is float and cell == cell else rank(slot)  # noqa: PLR0124
        return quick

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        own = len(self.ids) * (120 + 8 * len(self._orders))
        return own + sum(column.size for column in self.columns.values())


def _sorted_by(slots: list[int], cells: list[Any], *, descending: bool) -> list[int]:
    groups: dict[int, list[int]] = {}
    values: dict[int, Any] = {}
    current().look()
    for slot in slots:
        group, value = place(cells[slot])
        groups.setdefault(group, []).append(slot)
        values[slot] = value
    result: list[int] = []
    for group in sorted(groups):
        result += sorted(groups[group], key=values.__getitem__, reverse=descending)
    return result
