"""Certificates that sign themselves."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate and its key, for the names by which the tests come."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,DNS:wandb.example.com,IP:127.0.0.1"],
                   check=True, capture_output=True, env=os.environ | {"OPENSSL_CONF": "/etc/ssl/openssl.cnf"})
    return certificate, key
