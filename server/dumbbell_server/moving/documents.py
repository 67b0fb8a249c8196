"""What a pull asks: fields that the real clients ask for too, and in `[[…]]` those that not every server has."""

from __future__ import annotations

from dumbbell_server.moving.wire import Document

PROJECT = Document("""
query PulledProject($entity: String!, $project: String!) {
  project(name: $project, entityName: $entity) {
    id name entityName createdAt isBenchmark description [[updatedAt]] [[access]] [[isPublished]] [[views]] [[repo]]
    [[framework]] [[dockerImage]] [[user { username name email createdAt }]]
  }
}""")

ENTITY = Document("""
query PulledEntity($entity: String!) {
  entity(name: $entity) { id name isTeam [[createdAt]] [[members { username name email role admin pending }]] }
}""")

VIEWER = Document("""
query PulledViewer { viewer { username name [[email]] entity } }""")

RUN_NAMES = Document("""
query PulledRuns($entity: String!, $project: String!, $cursor: String, $perPage: Int, $order: String,
                 $filters: JSONString) {
  project(name: $project, entityName: $entity) {
    runs(filters: $filters, after: $cursor, first: $perPage, order: $order) {
      edges { node {
        name displayName state tags createdAt heartbeatAt notes [[historyLineCount]] [[updatedAt]] [[exitcode]]
        [[sweepName]] [[group]] [[jobType]] [[description]] [[fileCount]] [[eventsLineCount]] [[logLineCount]]
        [[stopped]]
        user { username name [[email]] }
      } cursor }
      pageInfo { endCursor hasNextPage }
    }
  }
}""")

RUN = Document("""
query PulledRun($entity: String!, $project: String!, $name: String!) {
  project(name: $project, entityName: $entity) {
    run(name: $name) {
      id name displayName state tags notes config summaryMetrics systemMetrics createdAt heartbeatAt
      [[historyLineCount]] [[description]] [[group]] [[jobType]] [[sweepName]] [[commit]] [[host]] [[exitcode]]
      [[updatedAt]] [[stopped]] [[historyKeys]] [[eventsLineCount]] [[runInfo { program git { remote commit } }]]
      user { username name [[email]] }
    }
  }
}""")

HISTORY_PAGE = Document("""
query PulledHistory($entity: String!, $project: String!, $run: String!, $minStep: Int64!, $maxStep: Int64!,
                    $pageSize: Int!) {
  project(name: $project, entityName: $entity) {
    run(name: $run) { history(minStep: $minStep, maxStep: $maxStep, samples: $pageSize) }
  }
}""")

SAMPLED = Document("""
query PulledSamples($entity: String!, $project: String!, $run: String!, $samples: Int!) {
  project(name: $project, entityName: $entity) { run(name: $run) { history(samples: $samples) } }
}""")

EVENTS = Document("""
query PulledEvents($entity: String!, $project: String!, $run: String!, $samples: Int!) {
  project(name: $project, entityName: $entity) { run(name: $run) { events(samples: $samples) } }
}""")

CONSOLE = Document("""
query PulledConsole($entity: String!, $project: String!, $run: String!, $cursor: String, $perPage: Int) {
  project(name: $project, entityName: $entity) {
    run(name: $run) {
      logLines(first: $perPage, after: $cursor, useImprovedPagination: true) {
        edges { node { number timestamp level label line } }
        pageInfo { endCursor hasNextPage }
      }
    }
  }
}""")

FILES = Document("""
query PulledFiles($entity: String!, $project: String!, $run: String!, $cursor: String, $perPage: Int) {
  project(name: $project, entityName: $entity) {
    run(name: $run) {
      files(after: $cursor, first: $perPage) {
        edges { node { id name directUrl sizeBytes [[url]] [[mimetype]] [[updatedAt]] [[md5]] } }
        pageInfo { endCursor hasNextPage }
      }
    }
  }
}""")

_RUN_ARTIFACTS = """
query PulledUses($entity: String!, $project: String!, $run: String!, $cursor: String, $perPage: Int) {
  project(name: $project, entityName: $entity) {
    run(name: $run) {
      %s(after: $cursor, first: $perPage) {
        edges { node { versionIndex artifactSequence { name project { name entityName } } } }
        pageInfo { endCursor hasNextPage }
      }
    }
  }
}"""
INPUTS = Document(_RUN_ARTIFACTS % "inputArtifacts")
OUTPUTS = Document(_RUN_ARTIFACTS % "outputArtifacts")

SWEEPS = Document("""
query PulledSweeps($entity: String!, $project: String!, $cursor: String, $perPage: Int) {
  project(name: $project, entityName: $entity) {
    sweeps(after: $cursor, first: $perPage) {
      edges { node {
        id name state description config createdAt [[updatedAt]] [[heartbeatAt]] [[displayName]] [[controller]]
        [[scheduler]] [[user { username name email }]]
      } }
      pageInfo { endCursor hasNextPage }
    }
  }
}""")

AGENTS = Document("""
query PulledAgents($entity: String!, $project: String!, $name: String!) {
  project(name: $project, entityName: $entity) {
    sweep(sweepName: $name) { agents { edges { node { id name host state createdAt heartbeatAt } } } }
  }
}""")

VIEWS = Document("""
query PulledViews($entity: String!, $project: String!, $cursor: String, $perPage: Int, $viewType: String) {
  project(name: $project, entityName: $entity) {
    allViews(viewType: $viewType, first: $perPage, after: $cursor) {
      edges { node {
        id name displayName description spec createdAt updatedAt user { username [[name]] [[email]] }
      } cursor }
      pageInfo { endCursor hasNextPage }
    }
  }
}""")

TYPES = Document("""
query PulledTypes($entity: String!, $project: String!, $cursor: String, $perPage: Int) {
  project(name: $project, entityName: $entity) {
    artifactTypes(after: $cursor, first: $perPage) {
      edges { node { id name description createdAt } } pageInfo { endCursor hasNextPage }
    }
  }
}""")

COLLECTIONS = Document("""
query PulledCollections($entity: String!, $project: String!, $type: String!, $cursor: String, $perPage: Int) {
  project(name: $project, entityName: $entity) {
    artifactType(name: $type) {
      artifactCollections(after: $cursor, first: $perPage) {
        edges { node {
          __typename id name description createdAt [[updatedAt]] [[tags { edges { node { name } } }]]
        } }
        pageInfo { endCursor hasNextPage }
      }
    }
  }
}""")

VERSIONS = Document("""
query PulledVersions($entity: String!, $project: String!, $type: String!, $collection: String!, $cursor: String,
                     $perPage: Int) {
  project(name: $project, entityName: $entity) {
    artifactType(name: $type) {
      artifactCollection(name: $collection) {
        artifacts(after: $cursor, first: $perPage) {
          edges { version node {
            id digest description metadata state size versionIndex createdAt [[updatedAt]] [[labels]] [[commitHash]]
            [[historyStep]] [[ttlDurationSeconds]] [[ttlIsInherited]] [[digestAlgorithm]] [[tags { name }]]
            artifactSequence { name project { name entityName } }
            aliases { alias [[artifactCollectionName]] [[artifactCollection { name project { name entityName } }]] }
            [[createdBy { __typename ... on Run { name project { name entityName } } ... on User { username name } }]]
          } }
          pageInfo { endCursor hasNextPage }
        }
      }
    }
  }
}""")

CONTENT = Document("""
query PulledContent($id: ID!) {
  artifact(id: $id) {
    currentManifest { id file { id directUrl } }
    [[artifactMemberships { edges { node {
      id versionIndex createdAt artifactCollection { name project { name entityName } }
    } } }]]
  }
}""")

ARTIFACT_FILES = Document("""
query PulledArtifactFiles($id: ID!, $cursor: String, $perPage: Int) {
  artifact(id: $id) {
    files(after: $cursor, first: $perPage) {
      edges { node { id name: displayName directUrl [[url]] } cursor } pageInfo { endCursor hasNextPage }
    }
  }
}""")

AGENT_RUNS = Document("""
query PulledAgentRuns($entity: String!, $project: String!, $name: String!, $agent: String!, $cursor: String,
                      $perPage: Int) {
  project(name: $project, entityName: $entity) {
    sweep(sweepName: $name) {
      agent(agentName: $agent) {
        runs(after: $cursor, first: $perPage) { edges { node { name } } pageInfo { endCursor hasNextPage } }
      }
    }
  }
}""")
