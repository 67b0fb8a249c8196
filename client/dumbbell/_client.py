"""What every object holds on to: the way to the server, the settings, and the classes that answers become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from dumbbell._transport import Transport

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

    def execute(self, document: Any, variable_values: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Run a document and return its data.

        Args:
            document: the text, or what `gql()` or `graphql.parse()` made of it.
            variable_values: the variables by name.

        Raises:
            CommError: with the server's message.
        """
        return self.transport.execute(_text(document), variable_values)

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


def _text(document: Any) -> str:
    if isinstance(document, str):
        return document
    parsed = getattr(document, "document", document)  # gql 4 wraps it
    try:
        text: str = parsed.loc.source.body
    except AttributeError:
        raise TypeError(f"a GraphQL document is a text or a parsed document, not {type(document).__name__}") from None
    return text
