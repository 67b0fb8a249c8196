"""The log of an offline run: what is read of a whole one, and how each damaged one is refused."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dumbbell_server.errors import BadInput
from dumbbell_server.moving.offline.log import entries
from dumbbell_server.moving.offline.messages import RECORD
from dumbbell_server.moving.offline.wire import decode
from support.offline_logs import BLOCK, HEAD, chunk, encode, item, log_of, row, run_record, varint


def read(tmp_path: Path, data: bytes) -> list[bytes]:
    path = tmp_path / "run-x.wandb"
    path.write_bytes(data)
    return [entry.data for entry in entries(path)]


@pytest.mark.parametrize("sizes", [
    [0], [1, 2, 3], [BLOCK - 14], [BLOCK - 15], [BLOCK - 13], [BLOCK - 20, 5], [100_000, 3], [BLOCK - 21, 0, 0, 9]])
def test_records_come_back_whatever_their_length(tmp_path: Path, sizes: list[int]) -> None:
    bodies = [bytes([at % 251]) * size for at, size in enumerate(sizes)]
    assert read(tmp_path, log_of(bodies)) == bodies


def test_a_log_that_was_cut_anywhere_gives_its_whole_records(tmp_path: Path) -> None:
    bodies = [b"a" * 10, b"b" * 70_000, b"c" * 10]
    whole = log_of(bodies)
    ends = [len(log_of(bodies[:count])) for count in range(1, 4)]
    for cut in [0, 3, 7, 8, 15, 40, BLOCK, BLOCK + 3, 60_000, *[end + by for end in ends[:2] for by in (-1, 0, 1)]]:
        assert read(tmp_path, whole[:cut]) == bodies[:sum(end <= cut for end in ends)]


def test_zeros_behind_the_last_record_are_no_damage(tmp_path: Path) -> None:
    assert read(tmp_path, log_of([b"one"]) + bytes(5000)) == [b"one"]


LONG = log_of([b"a" * 10, b"b" * 10, b"c" * 10])
DAMAGE = {
    "another file": (b"PK\x03\x04 and more", 0, "does not begin with ':W&B'"),
    "another version": (HEAD[:-1] + b"\x07" + LONG[7:], 0, "does not begin with ':W&B'"),
    "a byte of a record": (LONG[:20] + b"X" + LONG[21:], 7, "checksum"),
    "a checksum": (LONG[:24] + b"\0\0\0\0" + LONG[28:], 24, "checksum"),
    "a length beyond the block": (HEAD + struct.pack("<IHB", 0, 65535, 1) + bytes(70_000), 7, "65535 bytes"),
    "a kind that is not known": (HEAD + chunk(9, b"x"), 7, "kind 9"),
    "an end without a beginning": (HEAD + chunk(4, b"x"), 7, "the middle of a record"),
    "a beginning in a record": (HEAD + chunk(2, b"x") + chunk(1, b"y"), 15, "breaks off"),
    "zeros, then something": (LONG + bytes(50) + b"x", len(LONG), "kind 0"),
    "a block that is not filled": (
        log_of([b"x" * (BLOCK - 7 - 7 - 3)]) + b"abc" + chunk(1, b"y"), BLOCK - 3, "filled with zeros"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_log_is_refused_with_its_place(tmp_path: Path, case: str) -> None:
    data, offset, problem = DAMAGE[case]
    with pytest.raises(BadInput) as refused:
        read(tmp_path, data)
    assert f"run-x.wandb, byte {offset}: " in str(refused.value)
    assert problem in str(refused.value)


def test_fields_are_read_by_their_numbers() -> None:
    record = {**run_record("é", tags=["a", "b"]), **row(3, loss=0.5)}
    found = decode(encode(record, RECORD), RECORD)
    assert found["run"]["run_id"] == "é"
    assert found["run"]["tags"] == ["a", "b"]
    assert found["history"]["item"][0] == item("loss", 0.5)
    negative = {"exit": {"exit_code": -9}}
    assert decode(encode(negative, RECORD), RECORD) == negative


def test_what_the_table_does_not_know_is_passed_over() -> None:
    unknown = varint(999 << 3 | 2) + varint(3) + b"abc" + varint(998 << 3 | 1) + bytes(8) + varint(997 << 3 | 5)
    unknown += bytes(4)
    assert decode(unknown + encode(run_record(), RECORD), RECORD) == run_record()


WRONG = {
    "a number without an end": b"\x80" * 3,
    "a number of eleven bytes": b"\x88" * 11,
    "a length that lies": varint(17 << 3 | 2) + varint(1 << 40) + b"x",
    "an old way of writing": varint(17 << 3 | 3),
    "a message as a number": varint(17 << 3) + varint(5),
    "a text that is not UTF-8": varint(17 << 3 | 2) + varint(4) + varint(1 << 3 | 2) + varint(2) + b"\xff\xfe",
    "a short double": varint(2 << 3 | 2) + varint(5) + varint(1 << 3 | 2) + varint(3) + varint(6 << 3 | 1) + b"xy",
}


@pytest.mark.parametrize("case", WRONG)
def test_a_record_that_is_none_is_a_value_error(case: str) -> None:
    with pytest.raises(ValueError, match=r"field|number|text"):
        decode(WRONG[case], RECORD)


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_no_bytes_are_anything_but_fields_or_a_value_error(data: bytes) -> None:
    try:
        assert isinstance(decode(data, RECORD), dict)
    except ValueError:
        return
