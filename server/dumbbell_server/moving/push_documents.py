"""What a push sends: the mutations of the clients, with the fields that they send."""

from __future__ import annotations

from dumbbell_server.moving.wire import Document

PROJECT = Document("""
mutation PushedProject($input: UpsertModelInput!) { upsertModel(input: $input) { model { id name entityName } } }""")

RUN = Document("""
query PushedRun($entity: String!, $project: String!, $name: String!) {
  project(name: $project, entityName: $entity) {
    run(name: $name) {
      id state config summaryMetrics tags notes displayName historyLineCount [[group]] [[jobType]] [[eventsLineCount]]
    }
  }
}""")

UPSERT_RUN = Document("""
mutation UpsertBucket($input: UpsertBucketInput!) { upsertBucket(input: $input) { bucket { id } inserted } }""")

RUN_STATE = Document("""
mutation UpdateRunState($id: ID!, $state: String!) {
  updateRunState(input: {id: $id, state: $state}) { success }
}""")

FILES = Document("""
query PushedFiles($entity: String!, $project: String!, $run: String!, $cursor: String, $perPage: Int) {
  project(name: $project, entityName: $entity) {
    run(name: $run) {
      files(after: $cursor, first: $perPage) {
        edges { node { name sizeBytes [[md5]] } } pageInfo { endCursor hasNextPage }
      }
    }
  }
}""")

SWEEPS = Document("""
query PushedSweeps($entity: String!, $project: String!, $cursor: String, $perPage: Int) {
  project(name: $project, entityName: $entity) {
    sweeps(after: $cursor, first: $perPage) {
      edges { node { id name config state createdAt [[displayName]] } } pageInfo { endCursor hasNextPage }
    }
  }
}""")

UPSERT_SWEEP = Document("""
mutation UpsertSweep($input: UpsertSweepInput!) { upsertSweep(input: $input) { sweep { id name } } }""")

VIEW = Document("""
query PushedView($entity: String!, $project: String!, $viewType: String, $viewName: String) {
  project(name: $project, entityName: $entity) {
    allViews(viewType: $viewType, viewName: $viewName, first: 1) {
      edges { node { id displayName description spec } }
    }
  }
}""")

UPSERT_VIEW = Document("""
mutation UpsertView($input: UpsertViewInput!) { upsertView(input: $input) { view { id } } }""")

CREATE_TYPE = Document("""
mutation CreateArtifactType($input: CreateArtifactTypeInput!) {
  createArtifactType(input: $input) { artifactType { id } }
}""")

CREATE_VERSION = Document("""
mutation CreateArtifact($input: CreateArtifactInput!) {
  createArtifact(input: $input) { artifact { id state versionIndex } }
}""")

VERSION = Document("""
query PushedVersion($id: ID!) {
  artifact(id: $id) {
    versionIndex description metadata [[ttlDurationSeconds]] tags { name }
    aliases { alias [[artifactCollectionName]] [[artifactCollection { name project { name entityName } }]] }
  }
}""")

ALIASES = Document("""
mutation AddAliases($input: AddAliasesInput!) { addAliases(input: $input) { success } }""")

LINK = Document("""
mutation LinkArtifact($input: LinkArtifactInput!) { linkArtifact(input: $input) { versionIndex } }""")

USE = Document("""
mutation UseArtifact($input: UseArtifactInput!) { useArtifact(input: $input) { artifact { id } } }""")
