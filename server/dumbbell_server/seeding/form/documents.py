"""What a fixture can say: one shape for all its files. `dumbbell schema` prints it as a JSON Schema.

A field that is not given is made up or derived. With all of them given, as an export has them, what is loaded is what
was exported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, model_validator
from pydantic import Tag as Shape

from dumbbell_server.seeding.form import kinds as of

DEFAULT_CREATED = "2026-01-05T10:00:00Z"
MOST_ROWS = 1_000_000

Role = Literal["admin", "member", "viewer"]
RegistryRole = Literal["admin", "member", "viewer", "restricted_viewer"]
SweepState = Literal["PENDING", "RUNNING", "PAUSED", "FINISHED", "CANCELED"]


class Part(BaseModel):
    """Of a document: what it does not know, it refuses."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def exactly_one(self, *names: str) -> None:
        given = [name for name in names if name in self.model_fields_set]
        if len(given) != 1:
            raise ValueError(f"give one of {', '.join(names)}" + (f", not {' and '.join(given)}" if given else ""))

    def at_most_one(self, *names: str) -> None:
        given = [name for name in names if name in self.model_fields_set]
        if len(given) > 1:
            raise ValueError(f"give {' or '.join(given)}, not both")


# accounts ------------------------------------------------------------------------------------------------------------

class Key(Part):
    """An API key as it is stored: its hash. Only in exports with keys."""

    prefix: of.Text
    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    description: of.Text | None = None
    created: of.Moment | None = None


class User(Part):
    name: of.UserRef
    first: bool = Field(False, description="this is the server's first user, whatever they are called there")
    full_name: of.Text | None = None
    email: of.Email | None = None
    admin: bool = Field(False, description="of the whole server")
    service: bool = Field(False, description="a service account, which belongs to one team")
    default_entity: of.UserName | None = Field(None, description="where runs go that name no entity [their own]")
    former_names: list[of.UserName] = []
    keys: list[Key] = []
    created: of.Moment | None = None
    deleted: of.Moment | None = Field(None, description="what they made goes on to name them")
    row: of.Row | None = None
    entity_row: of.Row | None = None

    @model_validator(mode="after")
    def _is_allowed(self) -> Self:
        if self.deleted is None:
            of.checked_user(self.name)
        return self


class Invite(Part):
    email: of.Email
    role: Role
    created: of.Moment | None = None


class Team(Part):
    name: of.UserName
    members: dict[of.UserName, Role] = Field(min_length=1, description="roles by user, an admin among them")
    organization: of.OrganizationName | None = None
    invites: list[Invite] = []
    former_names: list[of.UserName] = []
    created: of.Moment | None = None
    row: of.Row | None = None

    @model_validator(mode="after")
    def _has_admin(self) -> Self:
        check_admin(self.members)
        return self


class Organization(Part):
    name: of.OrganizationName
    members: dict[of.UserName, Role] = Field(min_length=1, description="roles by user, an admin among them")
    entity: of.UserName | None = Field(None, description="the entity of its registries [NAME-org]")
    former_names: list[of.UserName] = Field([], description="of its entity")
    created: of.Moment | None = None
    row: of.Row | None = None
    entity_row: of.Row | None = None

    @model_validator(mode="after")
    def _has_admin(self) -> Self:
        check_admin(self.members)
        return self


def check_admin(members: Mapping[str, str]) -> None:
    if "admin" not in members.values():
        raise ValueError("one of the members must be an admin")


# bytes and rows ------------------------------------------------------------------------------------------------------

class Content(Part):
    """Bytes of a file."""

    text: str | None = None
    json_: Any = Field(None, alias="json", description="written as JSON")
    file: str | None = Field(None, description="path beside the document, inside the fixture's folder")
    blob: of.Md5 | None = None
    random: of.Size | None = Field(None, description="so many bytes, the same each time")
    seed: of.Text = ""
    mimetype: of.Text | None = None
    created: of.Moment | None = None
    updated: of.Moment | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        self.exactly_one("text", "json_", "file", "blob", "random")
        return self


def _shape_of_content(value: Any) -> str:
    return "~text" if isinstance(value, str) else "~content"


AnyContent = Annotated[Annotated[str, Shape("~text")] | Annotated[Content, Shape("~content")],
                       Discriminator(_shape_of_content)]


class Lines(Part):
    """Stored lines as they are, one a line of the file; an empty one is a line that never came."""

    lines: str | dict[str, str] = Field(description="path; of a run that several processes wrote, a path by writer")


class RowsFile(Part):
    """Rows in a file: .csv, .jsonl, .parquet. `_step` is counted where it is missing."""

    file: str
    format: Literal["csv", "jsonl", "parquet"] | None = Field(None, description="[by the name of the file]")


class Formulas(Part):
    """Rows from formulas of `step`, such as `exp(-step/200) + noise(0.01)`."""

    rows: Annotated[int, Field(ge=1, le=MOST_ROWS)]
    keys: dict[of.Text, str] = Field(min_length=1)
    pace: Annotated[float, Field(gt=0, le=1e9, strict=False)] | None = Field(None, description="seconds from row to "
                                                                                               "row [10]")
    seed: of.Text | None = Field(None, description="of `noise` [the run's id]")


def _shape_of_rows(value: Any) -> str:
    if isinstance(value, list):
        return "~rows"
    return next((f"~{name}" for name in ("lines", "file") if isinstance(value, dict) and name in value), "~formulas")


Rows = Annotated[
    Annotated[list[dict[str, Any]], Shape("~rows")] | Annotated[Lines, Shape("~lines")]
    | Annotated[RowsFile, Shape("~file")] | Annotated[Formulas, Shape("~formulas")], Discriminator(_shape_of_rows)]


def _shape_of_console(value: Any) -> str:
    return "~texts" if isinstance(value, list) else "~lines"


Console = Annotated[Annotated[list[of.Text], Shape("~texts")] | Annotated[Lines, Shape("~lines")],
                    Discriminator(_shape_of_console)]

MEDIA = ("image", "audio", "video", "table", "histogram", "html", "plotly", "object3D", "molecule", "chart")


class Media(Part):
    """Made-up media under a key of the history, at some of its steps; the last stands in the summary."""

    type: Literal[MEDIA]  # type: ignore[valid-type]
    steps: Annotated[int, Field(ge=1, le=1000)] = Field(1, description="at so many steps, evenly from the first to the "
                                                                       "last")
    count: Annotated[int, Field(ge=1, le=10_000)] = Field(1, description="at each of them: images, rows of a table, "
                                                                         "bins of a histogram, points")
    size: Annotated[int, Field(ge=1, le=4096)] = Field(32, description="pixels, or milliseconds of audio")
    caption: of.Text | None = None
    boxes: bool = Field(False, description="images have a box and a mask")


# runs ----------------------------------------------------------------------------------------------------------------

class Fork(Part):
    run: str
    step: Annotated[int, Field(ge=0, lt=2**31)]
    kept: bool = False
    borrowed: str | None = Field(None, description="path of the parent's rows that the parent no longer has")


class Place(Part):
    """What a run is in its sweep."""

    sweep: of.Text
    agent: of.Text | None = None
    cell: Annotated[int, Field(ge=0, lt=2**62)] | None = Field(None, description="number in the grid")
    made: bool = Field(False, description="the sweep made it")
    sent: of.Count = 0
    ended: bool = False
    lost: bool = False


def _shape_of_place(value: Any) -> str:
    return "~name" if isinstance(value, str) else "~place"


AnyPlace = Annotated[Annotated[of.Text, Shape("~name")] | Annotated[Place, Shape("~place")],
                     Discriminator(_shape_of_place)]


class Use(Part):
    artifact: of.Version
    as_: of.Text | None = Field(None, alias="as")
    kind: Literal["input", "output"] = "input"
    created: of.Moment | None = None


class Run(Part):
    id: of.RunId
    user: of.UserRef | None = Field(None, description="[the project's]")
    name: of.Text | None = Field(None, description="to be shown [made up]")
    state: of.RunState = "finished"
    exitcode: Annotated[int, Field(gt=-2**31, lt=2**31)] | None = None
    group: of.Text | None = None
    job_type: of.Text | None = None
    notes: of.Text | None = None
    description: of.Text | None = None
    tags: list[of.Text] = Field([], max_length=1000)
    config: dict[str, Any] | None = None
    config_json: of.ObjectText | None = Field(None, description="the stored text itself")
    summary: dict[str, Any] | None = Field(None, description="beside the values of the last row")
    summary_json: of.ObjectText | None = Field(None, description="the stored text itself")
    system_metrics_json: of.ObjectText | None = None
    history: Rows | None = None
    system: Rows | None = None
    console: Console | None = None
    media: dict[of.Text, Media] = {}
    files: dict[of.FileName, AnyContent] = {}
    fork: Fork | None = None
    sweep: AnyPlace | None = Field(None, description="its name")
    uses: list[Use] = []
    host: of.Text | None = None
    program: of.Text | None = None
    repo: of.Text | None = None
    commit: of.Text | None = None
    stop_requested: bool = False
    restart_pending: bool = False
    created: of.Moment | None = Field(None, description="[an hour after the run before it]")
    updated: of.Moment | None = None
    heartbeat: of.Moment | None = None
    row: of.Row | None = None

    @model_validator(mode="after")
    def _is_clear(self) -> Self:
        self.at_most_one("config", "config_json")
        self.at_most_one("summary", "summary_json")
        return self


# sweeps and reports --------------------------------------------------------------------------------------------------

class Agent(Part):
    name: of.Text
    host: of.Text = "localhost"
    user: of.UserRef | None = None
    state: Literal["RUNNING", "FINISHED", "CRASHED"] = "FINISHED"
    created: of.Moment | None = None
    heartbeat: of.Moment | None = None
    row: of.Row | None = None


class Sweep(Part):
    name: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,64}$", description="the short id in links")]
    user: of.UserRef | None = None
    config: dict[str, Any] | None = Field(None, description="as `wandb sweep` takes it")
    config_yaml: of.Text | None = Field(None, description="the stored text itself")
    state: SweepState = "FINISHED"
    title: of.Text | None = Field(None, description="wins over the name in the config")
    description: of.Text | None = None
    controller: of.JsonText | None = None
    scheduler: of.JsonText | None = None
    agents: list[Agent] = []
    created: of.Moment | None = None
    updated: of.Moment | None = None
    heartbeat: of.Moment | None = None
    row: of.Row | None = None

    @model_validator(mode="after")
    def _is_clear(self) -> Self:
        self.exactly_one("config", "config_yaml")
        return self


class Report(Part):
    title: of.Text | None = None
    name: of.Text | None = Field(None, description="unique in the project [made of the title]")
    type: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]{0,63}$")] = Field(
        "runs", description="runs: a report; runs/draft: a draft; project-view: a workspace")
    user: of.UserRef | None = None
    description: of.Text | None = None
    text: of.Text | None = Field(None, description="Markdown; a report of it is made")
    spec: dict[str, Any] | None = None
    spec_json: of.ObjectText | None = Field(None, description="the stored text itself")
    created: of.Moment | None = None
    updated: of.Moment | None = None
    row: of.Row | None = None

    @model_validator(mode="after")
    def _is_clear(self) -> Self:
        self.exactly_one("text", "spec", "spec_json")
        return self


# artifacts -----------------------------------------------------------------------------------------------------------

class Reference(Part):
    """A file that lies elsewhere."""

    ref: of.Text
    size: Annotated[int, Field(ge=0, lt=2**62)] | None = None
    digest: of.Text | None = Field(None, description="ETag or checksum [the URL]")


def _shape_of_reference(value: Any) -> str:
    return "~url" if isinstance(value, str) else "~reference"


AnyReference = Annotated[Annotated[of.Text, Shape("~url")] | Annotated[Reference, Shape("~reference")],
                         Discriminator(_shape_of_reference)]


class ArtifactVersion(Part):
    index: of.Count | None = Field(None, description="N of vN [the next; with client_ids, the next that is "
                                                           "not there]")
    aliases: list[of.Alias] = Field([], description="`latest` is the last one's unless another has it")
    tags: list[of.Tag] = []
    user: of.UserRef | None = None
    run: str | None = Field(None, description="that logged it, in the same project")
    description: of.Text | None = None
    metadata: Any = None
    metadata_json: of.JsonText | None = Field(None, description="the stored text itself")
    labels: of.Text | None = None
    files: dict[of.FileName, AnyContent] = {}
    references: dict[of.FileName, AnyReference] = {}
    manifest: str | None = Field(None, description="path of the manifest itself, whose files lie in blobs/")
    digest: of.Text | None = None
    digest_algorithm: of.Text = "MANIFEST_MD5"
    ttl_seconds: Annotated[int, Field(ge=-2, le=10**10)] = -1
    expires: of.Moment | None = None
    history_step: of.Big | None = None
    commit: of.Text | None = None
    storage_region: of.Text | None = None
    distributed_id: of.Text | None = None
    client_ids: list[of.Text] = []
    births: dict[of.Md5, of.Row] = Field({}, description="of files that came with another version: its row")
    created: of.Moment | None = None
    updated: of.Moment | None = None
    joined: of.Moment | None = Field(None, description="when it got its number")
    row: of.Row | None = None
    member_row: of.Row | None = None

    @model_validator(mode="after")
    def _is_clear(self) -> Self:
        self.at_most_one("manifest", "files")
        self.at_most_one("manifest", "references")
        self.at_most_one("metadata", "metadata_json")
        return self


class Link(Part):
    """A version of a sequence in this portfolio."""

    version: of.Version
    index: of.Count | None = None
    aliases: list[of.Alias] = []
    created: of.Moment | None = None
    row: of.Row | None = None


class Collection(Part):
    name: of.CollectionName
    type: of.TypeName
    user: of.UserRef | None = None
    description: of.Text | None = None
    tags: list[of.Tag] = []
    versions: list[ArtifactVersion] = Field([], description="logged here")
    links: list[Link] = Field([], description="linked here: then nothing is logged here")
    portfolio: bool = Field(False, description="links come here, though there are none yet")
    no_latest: bool = Field(False, description="nothing is `latest`")
    next_version: of.Count | None = None
    client_ids: list[of.Text] = []
    created: of.Moment | None = None
    updated: of.Moment | None = None
    row: of.Row | None = None

    @model_validator(mode="after")
    def _is_clear(self) -> Self:
        if self.versions and (self.links or self.portfolio):
            raise ValueError("a collection has versions of its own or links, not both")
        return self


class ArtifactType(Part):
    name: of.TypeName
    description: of.Text | None = None
    created: of.Moment | None = None
    row: of.Row | None = None


# projects ------------------------------------------------------------------------------------------------------------

class ProjectFields(Part):
    """What projects and registries have. It may stand in several files; what is no list, in one of them."""

    user: of.UserRef | None = Field(None, description="who made it [the entity's first admin]")
    description: of.Text | None = None
    former_names: list[of.ProjectName] = []
    artifact_types: list[ArtifactType] = []
    artifacts: list[Collection] = []
    views: of.JsonText | None = None
    created: of.Moment | None = None
    updated: of.Moment | None = None
    row: of.Row | None = None


class Project(ProjectFields):
    entity: of.UserName
    name: of.ProjectName
    access: of.Access | None = None
    repo: of.Text | None = None
    docker_image: of.Text | None = None
    framework: of.Text | None = None
    is_benchmark: bool = False
    is_published: bool = False
    runs_made: of.Count | None = Field(None, description="runs ever made, for the number in a made-up name")
    runs: list[Run] = []
    sweeps: list[Sweep] = []
    reports: list[Report] = []


class Registry(ProjectFields):
    organization: of.OrganizationName
    name: of.ProjectName = Field(description="without `wandb-registry-`")
    visibility: Literal["organization", "restricted"] | None = None
    allow_all_artifact_types: bool | None = None
    members: dict[of.UserName, RegistryRole] = {}
    teams: dict[of.UserName, RegistryRole] = {}


class Document(Part):
    """A file of a fixture."""

    schema_: str | None = Field(None, alias="$schema")
    created: of.Moment = Field(DEFAULT_CREATED, description="what times are made up from")
    users: list[User] = []
    teams: list[Team] = []
    organizations: list[Organization] = []
    projects: list[Project] = []
    registries: list[Registry] = []


def json_schema() -> dict[str, Any]:
    """For editors: the JSON Schema of `*.dumbbell.yaml` and `*.dumbbell.json`."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Document.model_json_schema(by_alias=True),
            "title": "Dumbbell fixture"}
