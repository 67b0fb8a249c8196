"""The only reader of the environment. An object passed in, never a global."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
_NAME = r"^\*$|^(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$"
_SAFE = r"^[A-Za-z0-9_.~+/=-]{20,512}$"
_FRAMER = r"^[a-z][a-z0-9+.-]*:(//(\*\.)?[A-Za-z0-9.-]+(:(\d+|\*))?)?$"


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
    allowed_hosts: Annotated[tuple[Annotated[str, Field(pattern=_NAME)], ...], *Words] = Field(
        (), description="public names by which this server may be asked, *.example.com for all below, with commas "
                        "between")
    frame_ancestors: Annotated[tuple[Annotated[str, Field(pattern=_FRAMER)], ...], *Words] = Field(
        (), description="origins whose pages may show ours in frames, beside our own and loopback, with commas between")
    host: str = Field("localhost", description="address to listen on; localhost is both IPv4 and IPv6")
    port: int = Field(8080, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    admin_port: int | None = Field(None, ge=0, le=65535, description="port of the admin and the fixture service; 0 "
                                                                     "takes a free one, without it there is none")
    fixture_port: int | None = Field(None, ge=0, le=65535, description="another name for admin_port")
    admin_host: str = Field("localhost", description="address of that port, whose fixture service asks for no key")
    admin_token: Annotated[str, Field(pattern=_SAFE)] | None = Field(
        None, repr=False, description="token of the admin service; without it one is made at each start")
    record: bool = Field(False, description="record what goes over the main port from the start on, for the admin "
                                            "port to show")
    open: bool = Field(False, description="accept any well-formed key as the first user; loopback only")
    user: str = Field("local", description="name of the user made on first start")
    api_key: str | None = Field(
        None, repr=False, description="key of that user; without it one is made and printed once")
    seed: str | None = Field(None, description="fixtures to load before serving, with commas between: names such as "
                                               "`demo`, or paths; without it nothing")
    seed_dir: Path | None = Field(None, description="folder of which every file and folder is a fixture to load "
                                                    "before serving")
    export_on_exit: Path | None = Field(None, description="folder to write all there is to, at the end")
    heartbeat_timeout: float = Field(300.0, gt=0, description="seconds of silence after which a run has crashed")
    agent_timeout: float = Field(60.0, gt=0, description="seconds of silence after which an agent of a sweep is dead, "
                                                         "and its run is given to another")
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
    max_query_length: int = Field(200_000, gt=0, description="characters of a GraphQL document, without its variables")
    max_query_price: int = Field(10_000_000, gt=0, description="values that a GraphQL query may ask for by the sizes "
                                                               "of its nested lists, known before it runs")
    max_query_fields: int = Field(100_000, gt=0, description="fields of a GraphQL query that are executed one by one")
    max_query_cells: int = Field(2_000_000, gt=0, description="values in the tables of a GraphQL query: rows times "
                                                              "fields of a page, rows times keys of a sample")
    max_query_text: int = Field(128 * 2**20, gt=0, description="characters in the answer of a GraphQL query")
    max_query_seconds: float = Field(30.0, gt=0, description="seconds that a GraphQL query may run; mutations have no "
                                                             "limit")
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

    @model_validator(mode="after")
    def _has_one_admin_port(self) -> Self:
        """Either name gives it; both have it from here on."""
        names = (self.admin_port, self.fixture_port)
        if None not in names and names[0] != names[1]:
            raise ValueError(f"admin_port and fixture_port are two names of one port, and say {names[0]} and "
                             f"{names[1]}; leave out fixture_port")
        given = names[0] if names[0] is not None else names[1]
        self.admin_port = self.fixture_port = given
        return self
