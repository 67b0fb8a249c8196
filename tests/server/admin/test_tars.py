"""Tar streams: folders as they were, and nothing of what is meant to harm."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dumbbell_server.admin import tars
from dumbbell_server.errors import BadInput, DumbbellError, TooLarge

LIMIT = 1 << 20


def tar_of(*members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE, link: str = "",
           form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:", format=form) as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, link
            member.size = len(content) if kind in {tarfile.REGTYPE, tarfile.AREGTYPE} else 0
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def unpacked(tmp_path: Path, stream: bytes, limit: int = LIMIT) -> dict[str, bytes]:
    """Into a folder beside which nothing may come to be."""
    (tmp_path / "stream.tar").write_bytes(stream)
    target = tmp_path / "deep" / "folder"
    target.mkdir(parents=True)
    try:
        tars.unpack(tmp_path / "stream.tar", target, limit)
    finally:
        outside = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if target not in path.parents}
        assert outside == {"stream.tar", "deep", "deep/folder"}
    return {path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()}


def test_a_folder_comes_out_as_it_went_in(tmp_path: Path) -> None:
    source = tmp_path / "source"
    files = {"a.dumbbell.yaml": b"x: 1\n", "deep/er/b.jsonl": bytes(range(256)) * 8000, "empty": b"",
             "a whole block": b"3" * 512, "a whole chunk": b"4" * (1 << 20),
             "n\N{LATIN SMALL LETTER O WITH DIAERESIS}": b"2", "l" * 200 + "/" + "m" * 200: b"long"}
    for name, content in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content)
    stream = b"".join(tars.packed(source))
    assert stream == b"".join(tars.packed(source))
    assert all(0 < len(chunk) <= tars._CHUNK for chunk in tars.packed(source))  # an empty one would end an answer
    (tmp_path / "to").mkdir()
    assert unpacked(tmp_path / "to", stream, limit=1 << 22) == files
    with tarfile.open(fileobj=io.BytesIO(stream)) as tar:  # others read it too
        assert sorted(tar.getnames()) == sorted(files)


def test_one_file_is_packed_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.dumbbell.yaml").write_bytes(b"x")
    (tmp_path / "to").mkdir()
    assert unpacked(tmp_path / "to", b"".join(tars.packed(tmp_path / "a.dumbbell.yaml"))) == {"a.dumbbell.yaml": b"x"}


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_what_tar_writes_is_read(tmp_path: Path, form: int) -> None:
    name = "d/" + "x" * 90 if form == tarfile.USTAR_FORMAT else "d/" + "x" * 200
    assert unpacked(tmp_path, tar_of(("./a", b"1"), (name, b"2"), form=form)) == {"a": b"1", name: b"2"}


def _sparse() -> bytes:
    member = tarfile.TarInfo("holes")
    member.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(1 << 40),
                          "GNU.sparse.name": "holes"}
    member.size = 512
    head = member.tobuf(tarfile.PAX_FORMAT)
    return head + b"1\n0\n1\n".ljust(512, b"\0") + bytes(1024)


def _long_record(kind: bytes) -> bytes:
    member = tarfile.TarInfo("record")
    member.type, member.size = kind, 1 << 17
    return member.tobuf(tarfile.GNU_FORMAT) + b"x" * (1 << 17) + tar_of(("a", b""))


def _pax_name(name: str) -> bytes:
    """A name that no plain head could hold."""
    member = tarfile.TarInfo("plain")
    member.pax_headers = {"path": name}
    return member.tobuf(tarfile.PAX_FORMAT) + bytes(1024)


def _cut(at: int) -> Callable[[], bytes]:
    return lambda: tar_of(("a", b"1" * 700), ("b", b"2" * 700))[:at]


def _damaged() -> bytes:
    stream = bytearray(tar_of(("a", b"1"), ("b", b"2")))
    stream[1024 + 150] ^= 0xFF  # in the second head
    return bytes(stream)


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "above": (lambda: tar_of(("../evil", b"x")), "does not lie in the folder"),
    "above, deep": (lambda: tar_of(("a/b/../../../evil", b"x")), "does not lie in the folder"),
    "above, after a good one": (lambda: tar_of(("good", b"x"), ("../evil", b"x")), "does not lie in the folder"),
    "absolute": (lambda: tar_of(("/tmp/evil", b"x")), "does not lie in the folder"),
    "a link": (lambda: tar_of(("l", b""), kind=tarfile.SYMTYPE, link="/etc"), "is a link"),
    "a hard link": (lambda: tar_of(("l", b""), kind=tarfile.LNKTYPE, link="/etc/passwd"), "is a link"),
    "a device": (lambda: tar_of(("d", b""), kind=tarfile.CHRTYPE), "is a link, a device"),
    "a block device": (lambda: tar_of(("d", b""), kind=tarfile.BLKTYPE), "is a link, a device"),
    "a pipe": (lambda: tar_of(("p", b""), kind=tarfile.FIFOTYPE), "is a link, a device"),
    "a control character": (lambda: tar_of(("a\nb", b"")), "character in its name"),
    "a backslash": (lambda: tar_of(("..\\evil", b"")), "character in its name"),
    "a NUL": (lambda: _pax_name("a\0b"), "character in its name"),
    "above, by a record": (lambda: _pax_name("../evil"), "does not lie in the folder"),
    "absolute, by a record": (lambda: _pax_name("/etc/evil"), "does not lie in the folder"),
    "a long part": (lambda: tar_of(("x" * 256, b"")), "255 between"),
    "a long name": (lambda: tar_of(("/".join(["x" * 200] * 6), b"")), "more than 1024 bytes"),
    "twice": (lambda: tar_of(("a", b"1"), ("a", b"2")), "is there twice"),
    "twice, spelled otherwise": (lambda: tar_of(("a", b"1"), ("./a", b"2")), "is there twice"),
    "below a file": (lambda: tar_of(("a", b"1"), ("a/b", b"2")), "which is a file"),
    "a file where a folder is": (lambda: tar_of(("a/b", b"1"), ("a", b"2")), "is there twice"),
    "sparse": (_sparse, "sparse"),
    "a long record of pax": (lambda: _long_record(tarfile.XHDTYPE), "a record of 131072 bytes"),
    "a long global record": (lambda: _long_record(tarfile.XGLTYPE), "a record of 131072 bytes"),
    "a long name of GNU": (lambda: _long_record(tarfile.GNUTYPE_LONGNAME), "a record of 131072 bytes"),
    "a long link of GNU": (lambda: _long_record(tarfile.GNUTYPE_LONGLINK), "a record of 131072 bytes"),
    "no tar": (lambda: b"created: 2026-01-05T10:00:00Z\n" * 100, "no tar stream"),
    "nothing": (lambda: b"", "no tar stream"),
    "an end and no file": (lambda: bytes(1024), "holds no file"),
    "cut in a head": (_cut(300), "no tar stream"),
    "cut in a file": (_cut(1000), "unexpected end of data"),
    "cut after a file": (_cut(1536), "ends too early"),
    "cut in the second head": (_cut(1800), "ends too early"),
    "damaged": (_damaged, "ends too early, or is damaged"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_streams_write_nothing(tmp_path: Path, what: str) -> None:
    make, said = HOSTILE[what]
    with pytest.raises(BadInput, match=said):
        unpacked(tmp_path, make())
    assert [*(tmp_path / "deep" / "folder").iterdir()] == []


def test_more_than_the_limit_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TooLarge, match="DUMBBELL_MAX_UPLOAD"):
        unpacked(tmp_path, tar_of(("a", b"1" * 600), ("b", b"2" * 600)), limit=1000)
    monkeypatch.setattr(tars, "_MOST_MEMBERS", 2)
    (tmp_path / "more").mkdir()
    with pytest.raises(DumbbellError, match="more than 2 files"):
        unpacked(tmp_path / "more", tar_of(("a", b""), ("b", b"")))


def test_members_do_not_stay_in_memory(tmp_path: Path) -> None:
    (tmp_path / "stream.tar").write_bytes(tar_of(*((str(number), b"") for number in range(5000))))
    with tars._opened(tmp_path / "stream.tar") as tar:
        assert [len(tar.members) for _ in tars._members(tar)] == [1] * 5000
