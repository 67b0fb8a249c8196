"""What can be read of the compose files without an engine."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from support.repository import ROOT

KEY = "local00000000000000000000000000000000000"


def server_of(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text())["services"]["dumbbell"]


@pytest.mark.parametrize("name", ["docker-compose.yml", "docker-compose.scale.yml"])
def test_servers_may_do_little(name: str) -> None:
    service = server_of(name)
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", ["docker-compose.yml", "docker-compose.scale.yml"])
def test_ports_are_published_to_this_machine_alone(name: str) -> None:
    services = yaml.safe_load((ROOT / name).read_text())["services"].values()
    ports = [port for service in services for port in service.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


@pytest.mark.parametrize("name", ["docker-compose.yml", "docker-compose.scale.yml"])
def test_the_key_of_the_readme_is_the_key(name: str) -> None:
    assert server_of(name)["environment"]["DUMBBELL_API_KEY"] == "${DUMBBELL_API_KEY:-" + KEY + "}"
    assert KEY in (ROOT / "README.md").read_text()


def test_the_image_says_first_what_the_readme_says_first() -> None:
    said = "MIT licence, no account, no licence key, no telemetry, works with no network"
    assert f'description="{said}.' in (ROOT / "server" / "Dockerfile").read_text()
    readme = (ROOT / "README.md").read_text()
    assert said in readme.partition("\n\n")[2].partition("\n\n")[0]
