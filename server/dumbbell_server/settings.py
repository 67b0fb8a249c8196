"""The only reader of the environment. An object passed in, never a global."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


def _words(value: Any) -> Any:
    """What stands between commas."""
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


Words = (NoDecode, BeforeValidator(_words))  # else pydantic wants JSON in the environment


class Settings(BaseSettings):
    """Each field is also the variable `DUMBBELL_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="DUMBBELL_", env_ignore_empty=True, extra="ignore")

    data_dir: Path = Field(Path(".dumbbell"), description="folder of the database and of stored files")
    database_url: str | None = Field(
        None, repr=False, description="postgresql://…; without it SQLite in the data folder")
    blob_url: str | None = Field(None, description="memory:// or s3://bucket/prefix; without it the data folder")
    blob_public_url: str | None = Field(None, description="endpoint of the bucket as clients reach it")
    public_url: str | None = Field(None, description="base of the URLs handed out; without it the request's Host")
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], *Words] = Field(
        _LOOPBACK, description="addresses and networks of proxies whose X-Forwarded-Proto, -Host and -Prefix hold, "
                               "with commas between")
    host: str = Field("localhost", description="address to listen on; localhost is both IPv4 and IPv6")
    port: int = Field(8080, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    fixture_port: int | None = Field(None, ge=0, le=65535, description="port of the fixture service, loopback only")
    open: bool = Field(False, description="accept any well-formed key as the first user; loopback only")
    user: str = Field("local", description="name of the user made on first start")
    api_key: str | None = Field(
        None, repr=False, description="key of that user; without it one is made and printed once")
    seed: str | None = Field(None, description="`demo` or a YAML file to load before serving; without it nothing")
    heartbeat_timeout: float = Field(300.0, gt=0, description="seconds of silence after which a run has crashed")
    url_lifetime: float = Field(86400.0, gt=0, description="seconds for which a signed URL works")
    abandoned_after: float = Field(604800.0, gt=0, description="seconds of silence after which an artifact version "
                                                               "that was never committed is removed")
    collect_every: float = Field(3600.0, gt=0, description="seconds between two passes that remove unneeded bytes")
    synchronous: Literal["FULL", "NORMAL"] = Field(
        "FULL", description="FULL: rows and files outlive a power cut; NORMAL: a crash")
    background: bool = Field(True, description="make columns and Parquet files of histories while serving; without it "
                                               "only when POST /compact or `dumbbell compact` asks")
    max_graphql_body: int = Field(32 * 2**20, gt=0, description="bytes of a GraphQL request, unpacked")
    max_stream_body: int = Field(64 * 2**20, gt=0, description="bytes of a file stream request, unpacked")
    body_memory: int = Field(192 * 2**20, gt=0, description="bytes of bodies and answers in memory at once")
    max_manifest: int = Field(256 * 2**20, gt=0, description="bytes of an artifact's manifest")
    max_upload: int = Field(64 * 2**30, gt=0, description="bytes of one uploaded file")
    column_cache: int = Field(192 * 2**20, ge=0, description="bytes of run columns kept to filter and order by")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="what the log shows")

    @field_validator("public_url")
    @classmethod
    def _is_a_base(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "http://localhost")
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"{value!r} is no base of URLs; it looks like https://wandb.example.com "
                             "or https://example.com/wandb")
        return value
