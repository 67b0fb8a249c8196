"""The page about proxies: its fragments are whole, and the settings that it names are there."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from dumbbell_server.settings import Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "proxy.md").read_text()


def test_readme_leads_there() -> None:
    assert "(docs/proxy.md)" in (ROOT / "README.md").read_text()


def test_its_settings_exist() -> None:
    named = set(re.findall(r"DUMBBELL_([A-Z_]+)", PAGE))
    assert {"TRUSTED_PROXIES", "PUBLIC_URL"} <= named <= {name.upper() for name in Settings.model_fields}


def test_traefik_s_fragments_name_what_they_use() -> None:
    fragments = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    static, dynamic = map(yaml.safe_load, fragments)
    router = dynamic["http"]["routers"]["dumbbell"]
    assert set(router["entryPoints"]) == set(static["entryPoints"])
    assert set(router["middlewares"]) == set(dynamic["http"]["middlewares"])
    assert router["service"] in dynamic["http"]["services"]
