"""Made-up media of runs: files, and the values that name them in histories and summaries."""

from __future__ import annotations

import hashlib
import io
import json
import math
import struct
import wave
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dumbbell_server.seeding.form.documents import Media
from dumbbell_server.seeding.made.contents import Stored
from dumbbell_server.seeding.made.formula import noise

_RATE = 8000  # samples a second
_FRAMES = 8
_COLOURS = 8  # a video's palette has as many
_BINS = 64
_TABLE = "_table"  # behind a chart's key: where its table is logged
_PRESET = "wandb/line/v0"


@dataclass(frozen=True)
class MadeMedia:
    """What a run's media are: values by number of the row, and files in the store."""

    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, Stored] = field(default_factory=dict)


NO_MEDIA = MadeMedia()
Put = Callable[[str, str, bytes], dict[str, Any]]  # folder, ending, bytes → path, sha256 and size


@dataclass(frozen=True)
class _Spot:
    """Where a medium is logged."""

    key: str
    step: int
    seed: str

    def numbers(self, count: int) -> NDArray[np.float64]:
        """From -1 to 1."""
        return noise(f"{self.seed}:{self.key}:{self.step}", count)


def make_media(seed: str, media: dict[str, Media], count: int) -> tuple[dict[int, dict[str, Any]], dict[str, bytes]]:
    """Values by number of the row, and files by name, of a run whose history has so many rows."""
    rows: dict[int, dict[str, Any]] = {}
    files: dict[str, bytes] = {}
    for key, form in media.items():
        for number in _numbers(form.steps, count):
            made = _Spot(key, number, seed)

            def put(folder: str, ending: str, data: bytes, made: _Spot = made) -> dict[str, Any]:
                digest = hashlib.sha256(data).hexdigest()
                name = made.key.replace("/", "_").replace("\\", "_")
                path = f"media/{folder}/{name}_{made.step}_{digest[:20]}.{ending}"
                files[path] = data
                return {"path": path, "sha256": digest, "size": len(data)}

            name = f"{key}{_TABLE}" if form.type == "chart" else key
            rows.setdefault(number, {})[name] = _MAKERS[form.type](made, form, put)
    return rows, files


def _numbers(steps: int, count: int) -> list[int]:
    """So many rows, evenly from the first to the last."""
    steps = min(steps, count)
    return sorted({round(at * (count - 1) / max(1, steps - 1)) for at in range(steps)}) if steps > 1 else [count - 1]


def _png(pixels: NDArray[np.uint8]) -> bytes:
    """A picture of rows x columns x 3 bytes, or of one channel."""
    height, width = pixels.shape[:2]
    kind = 2 if pixels.ndim == 3 else 0  # noqa: PLR2004 - colours, or grey
    raw = b"".join(b"\0" + pixels[row].tobytes() for row in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks)


def _picture(made: _Spot, at: int, side: int) -> NDArray[np.uint8]:
    """Waves of colour that move with the step."""
    shift = made.numbers(at + 3)[-3:] * math.pi
    line = np.linspace(0, 4 * math.pi, side)
    waves = [np.sin(line[:, None] * (1 + channel / 2) + shift[channel]) * np.cos(line[None, :] + shift[channel] + at)
             for channel in range(3)]
    return ((np.stack(waves, axis=2) + 1) * 127).astype(np.uint8)


def _image(made: _Spot, form: Media, put: Put) -> dict[str, Any]:
    pictures = [_one_image(made, at, form, put) for at in range(form.count)]
    if form.count == 1:
        return pictures[0]
    return {"_type": "images/separated", "width": form.size, "height": form.size, "format": "png",
            "count": form.count, "filenames": [picture["path"] for picture in pictures],
            "captions": [picture.get("caption", f"{at}") for at, picture in enumerate(pictures)]}


def _one_image(made: _Spot, at: int, form: Media, put: Put) -> dict[str, Any]:
    value = {"_type": "image-file", **put("images", "png", _png(_picture(made, at, form.size))),
             "format": "png", "width": form.size, "height": form.size}
    if form.caption is not None:
        value["caption"] = form.caption
    if form.boxes:
        value |= _overlays(made, form, put)
    return value


def _overlays(made: _Spot, form: Media, put: Put) -> dict[str, Any]:
    box = {"position": {"minX": 0.2, "maxX": 0.7, "minY": 0.3, "maxY": 0.8}, "class_id": 1, "box_caption": "a wave",
           "scores": {"confidence": round(float(made.numbers(1)[0] / 2 + 0.5), 3)}}
    boxes = json.dumps({"box_data": [box], "class_labels": {"1": "wave"}}).encode()
    mask = np.zeros((form.size, form.size), np.uint8)
    mask[form.size // 4:form.size // 2, form.size // 4:form.size // 2] = 1
    return {"boxes": {"predictions": {"_type": "boxes2D", **put("metadata/boxes2D", "boxes2D.json", boxes)}},
            "masks": {"predictions": {"_type": "mask", **put("images/mask", "mask.png", _png(mask))}}}


def _audio(made: _Spot, form: Media, put: Put) -> dict[str, Any]:
    times = np.arange(_RATE * form.size // 1000 + 1) / _RATE
    sound = (np.sin(2 * math.pi * (330 + 110 * made.numbers(1)[0]) * times) * 12000).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(_RATE)
        writer.writeframes(sound.tobytes())
    value = {"_type": "audio-file", **put("audio", "wav", file.getvalue())}
    return value | ({"caption": form.caption} if form.caption is not None else {})


def _video(made: _Spot, form: Media, put: Put) -> dict[str, Any]:
    frames = [(_picture(made, at, form.size)[:, :, 0] // (256 // _COLOURS)) for at in range(_FRAMES)]
    value = {"_type": "video-file", **put("videos", "gif", _gif(frames)), "width": form.size, "height": form.size}
    return value | ({"caption": form.caption} if form.caption is not None else {})


def _gif(frames: list[NDArray[np.uint8]]) -> bytes:
    """Uncompressed: after every few pixels the code table starts over."""
    height, width = frames[0].shape
    palette = b"".join(bytes([at * 36, 60, 255 - at * 36]) for at in range(_COLOURS))
    parts = [b"GIF89a", struct.pack("<HHBBB", width, height, 0xF0 | 2, 0, 0), palette,
             b"\x21\xFF\x0BNETSCAPE2.0\x03\x01\0\0\0"]
    for frame in frames:
        parts += [b"\x21\xF9\x04\0\x0A\0\0\0", b"\x2C", struct.pack("<HHHHB", 0, 0, width, height, 0), b"\x03"]
        data = _codes(frame.ravel())
        parts += [bytes([len(data[at:at + 255])]) + data[at:at + 255] for at in range(0, len(data), 255)]
        parts.append(b"\0")
    return b"".join([*parts, b"\x3B"])


def _codes(pixels: NDArray[np.uint8]) -> bytes:
    """LZW codes of 4 bits: 8 clears, 9 ends. Six pixels after a clear the codes would grow."""
    codes: list[int] = []
    for at in range(0, len(pixels), 6):
        codes += [8, *pixels[at:at + 6].tolist()]
    codes.append(9)
    codes += [0] * (len(codes) % 2)
    return bytes(low | high << 4 for low, high in zip(codes[::2], codes[1::2], strict=True))


def _table(made: _Spot, form: Media, put: Put) -> dict[str, Any]:
    scores = made.numbers(form.count) / 2 + 0.5
    rows = [[at, f"sample {at}", round(float(score), 4), bool(score > 0.5)]  # noqa: PLR2004 - half
            for at, score in enumerate(scores)]
    return _table_of(["id", "name", "score", "right"], rows, put)


def _table_of(columns: list[str], rows: list[list[Any]], put: Put) -> dict[str, Any]:
    data = json.dumps({"columns": columns, "data": rows, "ncols": len(columns), "nrows": len(rows)}).encode()
    return {"_type": "table-file", "ncols": len(columns), "nrows": len(rows), **put("table", "table.json", data)}


def _histogram(made: _Spot, form: Media, _put: Put) -> dict[str, Any]:
    bins = max(2, min(form.count, _BINS) if form.count > 1 else _BINS)
    values = made.numbers(1000) + made.numbers(2000)[1000:]
    counts, edges = np.histogram(values, bins=bins)
    return {"_type": "histogram", "values": counts.tolist(), "bins": np.round(edges, 6).tolist()}


def _html(made: _Spot, form: Media, put: Put) -> dict[str, Any]:
    text = f"<!doctype html><h1>{'' if form.caption is None else 'Report '}{made.step}</h1><p>Made up.</p>"
    return {"_type": "html-file", **put("html", "html", text.encode())}


def _plotly(made: _Spot, form: Media, put: Put) -> dict[str, Any]:
    points = np.round(made.numbers(max(form.count, 10)).cumsum(), 4).tolist()
    figure = {"data": [{"type": "scatter", "mode": "lines", "y": points}],
              "layout": {"title": {"text": form.caption or made.key}}}
    return {"_type": "plotly-file", **put("plotly", "plotly.json", json.dumps(figure).encode())}


def _object3d(made: _Spot, form: Media, put: Put) -> dict[str, Any]:
    count = max(form.count, 50)
    angles = np.linspace(0, 6 * math.pi, count)
    points = np.round(np.stack([np.cos(angles), np.sin(angles), angles / 6 + made.numbers(count) * 0.05], 1), 4)
    return {"_type": "object3D-file", **put("object3D", "pts.json", json.dumps(points.tolist()).encode())}


def _molecule(made: _Spot, form: Media, put: Put) -> dict[str, Any]:
    atoms = max(form.count, 12)
    lines = [f"ATOM  {at + 1:5d}  C   ALA A{at + 1:4d}    {2 * math.cos(at / 2):8.3f}{2 * math.sin(at / 2):8.3f}"
             f"{at * 0.5 + made.numbers(1)[0]:8.3f}  1.00  0.00           C" for at in range(atoms)]
    value = {"_type": "molecule-file", **put("molecule", "pdb", "\n".join([*lines, "END", ""]).encode())}
    return value | ({"caption": form.caption} if form.caption is not None else {})


def _chart(made: _Spot, form: Media, put: Put) -> dict[str, Any]:
    """The table behind a chart of `wandb.plot`; which chart it is stands in the run's config."""
    rows = [[at, round(float(value), 4)] for at, value in enumerate(made.numbers(max(form.count, 10)).cumsum())]
    return _table_of(["x", "y"], rows, put)


def charts_of(media: dict[str, Media]) -> dict[str, Any]:
    """What the config says of charts (wandb 0.31.0 plot/custom_chart.py:CustomChartSpec.config_value)."""
    return {key: _chart_config(f"{key}{_TABLE}", form.caption or key)
            for key, form in media.items() if form.type == "chart"}


def _chart_config(table: str, title: str) -> dict[str, Any]:
    fields: list[dict[str, Any]] = [{"name": name, "fields": []} for name in ("id", "name", "_defaultColorIndex")]
    fields.append({"name": "summaryTable", "args": [{"name": "tableKey", "value": table}], "fields": []})
    run_sets = {"name": "runSets", "args": [{"name": "runSets", "value": "${runSets}"}], "fields": fields}
    return {"panel_type": "Vega2", "panel_config": {
        "panelDefId": _PRESET, "fieldSettings": {"x": "x", "y": "y"}, "stringSettings": {"title": title},
        "transform": {"name": "tableWithLeafColNames"}, "userQuery": {"queryFields": [run_sets]}}}


_MAKERS: dict[str, Callable[[_Spot, Media, Put], dict[str, Any]]] = {
    "image": _image, "audio": _audio, "video": _video, "table": _table, "histogram": _histogram, "html": _html,
    "plotly": _plotly, "object3D": _object3d, "molecule": _molecule, "chart": _chart}
