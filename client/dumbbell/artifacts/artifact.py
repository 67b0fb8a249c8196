"""A version of an artifact: found, changed, linked, deleted; or a new one, on its way to the server."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from dumbbell import _json
from dumbbell._client import Client
from dumbbell._documents import artifacts as documents
from dumbbell._organizations import home_of
from dumbbell.artifacts import adopted, upload
from dumbbell.artifacts.contents import ArtifactContents, ArtifactEntry
from dumbbell.artifacts.record import checked_aliases
from dumbbell.errors import InvalidValueError, NotFoundError, normalized

if TYPE_CHECKING:
    from dumbbell.artifacts.listing import ArtifactCollection
    from dumbbell.run import Run
    from dumbbell.run_core import RunCore

_COMMITTED = "COMMITTED"


class Artifact(ArtifactContents):
    """A version of an artifact.

    `api.artifact("entity/project/name:alias")` finds one; `Artifact(name, type)` makes one, to which files are
    added before `run.log_artifact(artifact)`.
    """

    @classmethod
    def of(cls, client: Client, place: tuple[str, str, str], attrs: Mapping[str, Any],
            index: int | None = None) -> Artifact:
        """What the server sent, as a version of the collection at `place`."""
        made = cls.__new__(cls)
        made.accept(client, place, attrs, index)
        return made

    @classmethod
    def listed(cls, client: Client, attrs: Mapping[str, Any]) -> Artifact:
        """From a list, by the collection in which it was logged."""
        source = attrs.get("artifactSequence") or {}
        project = source.get("project") or {}
        place = (str(project.get("entityName", "")), str(project.get("name", "")), str(source.get("name", "")))
        return cls.of(client, place, attrs)

    @classmethod
    def of_wandb(cls, theirs: Any) -> Artifact:
        """A draft of what a new `wandb.Artifact` holds. InvalidValueError (a ValueError) for one that is logged."""
        if not theirs.is_draft():
            raise InvalidValueError(f"artifact {theirs.name!r} is logged already: api.artifact(...) gives it")
        made = cls(theirs.name, theirs.type, theirs.description, theirs.metadata)
        made._draft().entries.update({entry.path: entry for entry in adopted.entries_of(theirs)})
        made._lenders.append(theirs)
        seconds = getattr(theirs, "_ttl_duration_seconds", None)  # the property raises where nothing is set
        if seconds:
            made.ttl = dt.timedelta(seconds=seconds)
        return made

    @normalized
    def save(self) -> bool:
        """Persists artifact changes to the wandb backend: description, metadata, aliases, tags and ttl.

        Raises:
            InvalidValueError: (a ValueError) it is not logged yet.
            CommError: the server refused it.
        """
        client = self._logged()
        saved_tags = [tag["name"] for tag in self._attrs.get("tags") or ()]
        sent: dict[str, Any] = {"artifactID": self.id, "description": self.description,
                                "metadata": _json.dumps(self.metadata, "metadata")}
        added = [tag for tag in self.tags if tag not in saved_tags]
        dropped = [tag for tag in saved_tags if tag not in self.tags]
        if added:
            sent["tagsToAdd"] = [{"tagName": tag} for tag in added]
        if dropped:
            sent["tagsToDelete"] = [{"tagName": tag} for tag in dropped]
        if self._ttl_seconds() is not None:
            sent["ttlDurationSeconds"] = self._ttl_seconds()
        self._save_aliases(client)
        client.execute(documents.UPDATE, {"input": sent})
        self._reload()
        return True

    def _save_aliases(self, client: Client) -> None:
        """Only what has changed: aliases of other collections are not ours to send."""
        saved = self._saved_aliases()
        entity, project, collection = self._place
        for document, names in ((documents.ADD_ALIASES, [name for name in self.aliases if name not in saved]),
                                (documents.DELETE_ALIASES, [name for name in saved if name not in self.aliases])):
            if names:
                client.execute(document, {"input": {"artifactID": self.id, "aliases": [
                    {"artifactCollectionName": collection, "alias": name, "entityName": entity,
                     "projectName": project} for name in checked_aliases(names)]}})

    def _reload(self) -> None:
        client = self._logged()
        found = client.execute(documents.BY_ID, {"id": self.id})["artifact"]
        if found is None:
            raise NotFoundError(f"artifact {self.name} is gone")
        self.accept(client, self._place, found, self._index)

    @normalized
    def delete(self, delete_aliases: bool = False) -> bool:
        """Delete this version; by way of a link, only the link.

        Args:
            delete_aliases: also if it has aliases; without, the server refuses then.
        """
        if self.is_link:
            self.unlink()
        else:
            self._logged().execute(documents.DELETE, {"id": self.id, "deleteAliases": delete_aliases})
        return True

    @normalized
    def used_by(self) -> list[Run]:
        """The runs that used it."""
        found = self._logged().execute(documents.USED_BY, {"id": self.id})["artifact"] or {}
        return [self._run(edge["node"]) for edge in (found.get("usedBy") or {}).get("edges", [])]

    @normalized
    def logged_by(self) -> Run | None:
        """The run that logged it, or None."""
        found = self._logged().execute(documents.CREATED_BY, {"id": self.id})["artifact"] or {}
        creator = found.get("createdBy") or {}
        return self._run(creator) if creator.get("__typename") == "Run" else None

    def _run(self, node: Mapping[str, Any]) -> Run:
        client, place = self._logged(), node["project"]
        return client.classes.run(client, place["entityName"], place["name"], node["name"])

    @normalized
    def link(self, target_path: str, aliases: Iterable[str] | None = None) -> Artifact:
        """Show this version in another collection too.

        Args:
            target_path: entity/project/collection, or less where it is this artifact's own; wandb-registry-NAME/
                collection for a registry of its organization.
            aliases: of the version there.

        Returns:
            The version as it is found there.
        """
        client, parts = self._logged(), target_path.strip("/").split("/")
        entity, project = [self.source_entity, self.source_project][:3 - len(parts)] + parts[:-1]
        entity = home_of(client, entity, project, given=len(parts) > 2)  # noqa: PLR2004 - see above
        names = [{"artifactCollectionName": parts[-1], "alias": name} for name in checked_aliases(aliases or ())]
        answer = client.execute(documents.LINK, {"input": {
            "artifactID": self.id, "artifactPortfolioName": parts[-1], "entityName": entity, "projectName": project,
            "aliases": names}})["linkArtifact"]
        return find(client, entity, project, f"{parts[-1]}:v{answer['versionIndex']}")

    @normalized
    def unlink(self) -> None:
        """Take this version out of the collection it was linked to. InvalidValueError for one that is no link."""
        if not self.is_link:
            raise InvalidValueError(f"artifact {self.qualified_name} is no link")
        for node in self._memberships():
            if place_of_membership(node) == self._place:
                self._logged().execute(documents.UNLINK, {"input": {
                    "artifactID": self.id, "artifactPortfolioID": node["artifactCollection"]["id"]}})

    @property
    def collection(self) -> ArtifactCollection:
        """The collection in which it was found."""
        client, (entity, project, name) = self._logged(), self._place
        return client.classes.artifact_collection(client, entity, project, name, self.type)

    @property
    def source_collection(self) -> ArtifactCollection:
        """The collection in which it was logged."""
        client, name = self._logged(), str(self._source().get("name"))
        return client.classes.artifact_collection(client, self.source_entity, self.source_project, name, self.type)

    @property
    def source_artifact(self) -> Artifact:
        """This version as it was logged; itself, unless it was found by way of a link."""
        if not self.is_link:
            return self
        return find(self._logged(), self.source_entity, self.source_project, self.source_name)

    @property
    def linked_artifacts(self) -> list[Artifact]:
        """This version as it is found in other collections."""
        source = (self.source_entity, self.source_project, self._source().get("name"))
        return [Artifact.of(self._logged(), place_of_membership(node), node["artifact"], node["versionIndex"])
                for node in self._memberships() if place_of_membership(node) != source]

    def _memberships(self) -> list[dict[str, Any]]:
        found = self._logged().execute(documents.MEMBERSHIPS, {"id": self.id})["artifact"] or {}
        nodes = [edge["node"] for edge in (found.get("artifactMemberships") or {}).get("edges", [])]
        return [node for node in nodes if node.get("artifactCollection") and node.get("artifact")]

    @property
    def linked_at(self) -> str | None:
        """ISO time at which it was linked to the collection in which it was found; None for one that is no link."""
        if not self.is_link:
            return None
        return next((str(node["createdAt"]) for node in self._memberships()
                     if place_of_membership(node) == self._place), None)

    def new_draft(self) -> Artifact:
        """A new artifact of the same name, type, description, metadata and files, to be changed and logged."""
        draft = Artifact(self._place[2], self.type, self.description, self.metadata)
        draft._draft().entries.update(self.manifest.entries)
        draft.ttl = self.ttl
        return draft

    def wait(self, timeout: float | None = None) -> Artifact:
        """Itself: when `run.log_artifact` is back, the artifact is there."""
        del timeout
        return self

    @normalized
    def _log(self, run: RunCore, aliases: Iterable[str] | None, tags: Iterable[str] | None) -> Artifact:
        """Log this draft by a run; already logged, the version becomes one of the run's outputs."""
        client = run.client
        if self.client is not None and (self.entity, self.project) != (run.entity, run.project):
            raise InvalidValueError(f"artifact {self.qualified_name} belongs to another project than run "
                                    f"{run.entity}/{run.project}/{run.id}")
        if self.client is None:
            self._look_links_up(client)
        names = checked_aliases([*(aliases or ()), *(() if self.client is not None else self.aliases)])
        if self.client is None:
            names = list(dict.fromkeys([*names, "latest"]))
        fields: dict[str, Any] = {
            "artifactTypeName": self.type, "digest": self.digest, "description": self.description,
            "metadata": _json.dumps(self.metadata, "metadata"), "ttlDurationSeconds": self._ttl_seconds(),
            "tags": [{"tagName": tag} for tag in dict.fromkeys([*(tags or ()), *self.tags])] or None}
        made = upload.create(client, run, self._place[2],
                             {key: value for key, value in fields.items() if value is not None}, names)
        if made["state"] != _COMMITTED:
            upload.send(client, run, made["id"], self.manifest)
        found = client.execute(documents.BY_ID, {"id": made["id"]})["artifact"]
        self.accept(client, (run.entity, run.project, self._place[2]), found)
        return self


def place_of_membership(node: Mapping[str, Any]) -> tuple[str, str, str]:
    """Entity, project and collection in which a version stands."""
    collection = node["artifactCollection"]
    project = collection.get("project") or {}
    return str(project.get("entityName", "")), str(project.get("name", "")), str(collection["name"])


def find(client: Client, entity: str, project: str, name: str) -> Artifact:
    """By `collection:alias`, `collection:v3` or digest; a bare name is taken for a digest, then for its latest.

    Raises:
        NotFoundError: (a ValueError) there is none, or the key may not see it.
    """
    if ":" not in name:
        found = (client.execute(documents.BY_NAME, {"entity": entity, "project": project, "name": name})["project"]
                 or {}).get("artifact")
        if found is not None and found.get("digest") == name:
            return Artifact.listed(client, found)
        name = f"{name}:latest"
    node = (client.execute(documents.BY_MEMBERSHIP, {"entity": entity, "project": project, "name": name})["project"]
            or {}).get("artifactCollectionMembership")
    if node is None or node.get("artifact") is None:
        hint = ""
        if name.endswith(":latest"):
            hint = "; add a version or an alias to its name, such as name:v0"
        raise NotFoundError(f"could not find artifact {entity}/{project}/{name}{hint}")
    return Artifact.of(client, (entity, project, name.partition(":")[0]), node["artifact"], node["versionIndex"])


__all__ = ["Artifact", "ArtifactEntry", "find", "place_of_membership"]
