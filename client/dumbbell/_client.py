"""What every object holds on to: the way to the server, the settings, and the classes that answers become."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from dumbbell._documents import server as documents
from dumbbell._retry import StatusError
from dumbbell._transport import Transport
from dumbbell.errors import CommError

if TYPE_CHECKING:
    from dumbbell.artifacts import Artifact, ArtifactCollection, ArtifactCollections, ArtifactTypes, RunArtifacts
    from dumbbell.projects import Project
    from dumbbell.run import Run
    from dumbbell.runs import Runs
    from dumbbell.sweeps import Sweep, Sweeps


@dataclass(frozen=True)
class Classes:
    """Objects refer to each other in circles; their modules need not."""

    project: type[Project]
    run: type[Run]
    runs: type[Runs]
    sweep: type[Sweep]
    sweeps: type[Sweeps]
    artifact: type[Artifact]
    run_artifacts: type[RunArtifacts]
    artifact_collection: type[ArtifactCollection]
    artifact_types: type[ArtifactTypes]
    artifact_collections: type[ArtifactCollections]


class Client:
    """Runs GraphQL documents. Scripts may use it for queries of their own: `api.client.execute(text, {...})`."""

    def __init__(self, transport: Transport, settings: dict[str, Any], classes: Classes) -> None:
        self.transport = transport
        self.settings = settings
        self.classes = classes
        self._features: frozenset[str] | None = None

    def execute(self, document: Any, variable_values: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Run a document and return its data.

        Args:
            document: the text, or what `gql()` or `graphql.parse()` made of it.
            variable_values: the variables by name.

        Raises:
            CommError: with the server's message.
        """
        return self.transport.execute(_text(document), variable_values)

    def has_feature(self, name: str) -> bool:
        """Whether the server says that it has this feature; all are asked for once. One that knows none has none."""
        if self._features is None:
            self._features = frozenset(self._asked_features())
        return name in self._features

    def _asked_features(self) -> Iterator[str]:
        try:
            found = self.execute(documents.FEATURES)["serverInfo"]["features"]
        except CommError as error:
            if not _not_understood(error):
                raise
            return
        yield from (each["name"] for each in found if each["isEnabled"])

    @property
    def app_url(self) -> str:
        """Where people look at what this server has; `api.` in front of the host becomes `app.` or goes."""
        parts = urlsplit(self.transport.base_url)
        if parts.netloc == "api.wandb.ai":
            return "https://wandb.ai"
        if parts.netloc.startswith("api."):
            return urlunsplit(parts._replace(netloc=f"app.{parts.netloc.removeprefix('api.')}"))
        return self.transport.base_url

    def __repr__(self) -> str:
        return f"<Client {self.transport.base_url}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Client:
        del memo
        return self  # a copied run talks over the same connections


def _not_understood(error: CommError) -> bool:
    """Whether a server that is there refused the document, as older ones do that lack its fields."""
    refused = isinstance(error.exc, StatusError) and error.exc.status == HTTPStatus.BAD_REQUEST
    return error.exc is None or refused


def _text(document: Any) -> str:
    if isinstance(document, str):
        return document
    parsed = getattr(document, "document", document)  # gql 4 wraps it
    try:
        text: str = parsed.loc.source.body
    except AttributeError:
        raise TypeError(f"a GraphQL document is a text or a parsed document, not {type(document).__name__}") from None
    return text
