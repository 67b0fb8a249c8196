"""The quick start of the README, run where there is no network but loopback.

`python -m support.no_network FOLDER` in a network namespace of its own. It prints what was read, and how many times
anybody of this namespace looked for a way to another address: the kernel counts those, whoever asks and by whatever
call. Names are looked up at an address that is none of ours, so that they count too.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import re
import socket
import struct
import subprocess
import sys
from pathlib import Path

from support.repository import ROOT
from support.sdk import run_script
from support.server import start_server

_SIOCSIFFLAGS, _UP = 0x8914, 0x1
_ELSEWHERE = "192.0.2.1"  # of documentation: nobody has it


def raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _UP))


def look_up_elsewhere(folder: Path) -> None:
    """Names are asked of an address without a way to it, not of what listens on this machine."""
    own = folder / "resolv.conf"
    own.write_text(f"nameserver {_ELSEWHERE}\noptions timeout:1 attempts:1\n")
    subprocess.run(["mount", "--bind", str(own), str(Path("/etc/resolv.conf").resolve())], check=True)


def ways_looked_for() -> int:
    """How often the kernel found no way to an address, in this namespace, of IPv4 and IPv6."""
    heads, values = (line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line[:3] == "Ip:")
    found = int(dict(zip(heads, values, strict=True))["OutNoRoutes"])
    six = re.search(r"^Ip6OutNoRoutes\s+(\d+)", _text("/proc/net/snmp6"), re.MULTILINE)
    return found + (int(six[1]) if six else 0)


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except FileNotFoundError:  # a machine without IPv6
        return ""


def quick_start() -> str:
    """The script of the README."""
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    return str(next(block for block in blocks if "wandb.init" in block))


def main(folder: Path) -> None:
    raise_loopback()
    look_up_elsewhere(folder)
    (folder / "server").mkdir()
    with start_server(folder / "server", DUMBBELL_SEED="demo", DUMBBELL_ADMIN_PORT="0") as server:
        done = run_script("0.31.0", server, folder, quick_start())
        ended = server.stop()
    counts = [ways_looked_for()]
    for name in (_ELSEWHERE, "name.of.somebody.example"):  # so that it is seen to count
        with contextlib.suppress(OSError):
            socket.create_connection((name, 80), timeout=5)
        counts.append(ways_looked_for())
    print(json.dumps({"code": done.returncode, "said": str(done), "lines": done.stdout.splitlines(), "ended": ended,
                      "looked_for": counts}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
