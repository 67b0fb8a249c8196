"""Documents about runs and their history."""

LIGHT = """
fragment LightRun on Run {
  id projectId tags name displayName sweepName state group jobType commit readOnly createdAt heartbeatAt description
  notes historyLineCount user { name username }
}"""

FULL = """
fragment FullRun on Run {
  id projectId tags name displayName sweepName state group jobType commit readOnly createdAt heartbeatAt description
  notes historyLineCount user { name username } config summaryMetrics systemMetrics historyKeys
}"""

_RUNS = """
query Runs($project: String!, $entity: String!, $cursor: String, $perPage: Int = 50, $order: String,
           $filters: JSONString) {
  project(name: $project, entityName: $entity) {
    runCount(filters: $filters)
    readOnly
    runs(filters: $filters, after: $cursor, first: $perPage, order: $order) {
      edges { node { ...%s } cursor }
      pageInfo { endCursor hasNextPage }
    }
  }
}"""
RUNS = _RUNS % "FullRun" + FULL
LIGHT_RUNS = _RUNS % "LightRun" + LIGHT

_RUN = """
query Run($project: String!, $entity: String!, $name: String!) {
  project(name: $project, entityName: $entity) { run(name: $name) { ...%s } }
}"""
RUN = _RUN % "FullRun" + FULL
LIGHT_RUN = _RUN % "LightRun" + LIGHT

STATE = """
query RunState($project: String!, $entity: String!, $name: String!) {
  project(name: $project, entityName: $entity) { run(name: $name) { state } }
}"""

HISTORY_KEYS = """
query RunHistoryKeys($project: String!, $entity: String!, $name: String!) {
  project(name: $project, entityName: $entity) { run(name: $name) { historyKeys } }
}"""

HISTORY = """
query RunHistory($project: String!, $entity: String!, $name: String!, $samples: Int) {
  project(name: $project, entityName: $entity) { run(name: $name) { history(samples: $samples) } }
}"""

EVENTS = """
query RunEvents($project: String!, $entity: String!, $name: String!, $samples: Int) {
  project(name: $project, entityName: $entity) { run(name: $name) { events(samples: $samples) } }
}"""

SAMPLED_HISTORY = """
query RunSampledHistory($project: String!, $entity: String!, $name: String!, $specs: [JSONString!]!) {
  project(name: $project, entityName: $entity) { run(name: $name) { sampledHistory(specs: $specs) } }
}"""

HISTORY_PAGE = """
query HistoryPage($entity: String!, $project: String!, $run: String!, $minStep: Int64!, $maxStep: Int64!,
                  $pageSize: Int!) {
  project(name: $project, entityName: $entity) {
    run(name: $run) { history(minStep: $minStep, maxStep: $maxStep, samples: $pageSize) }
  }
}"""

SAMPLED_HISTORY_PAGE = """
query SampledHistoryPage($entity: String!, $project: String!, $run: String!, $spec: JSONString!) {
  project(name: $project, entityName: $entity) { run(name: $run) { sampledHistory(specs: [$spec]) } }
}"""

CREATE = """
mutation UpsertBucket($project: String, $entity: String, $name: String!, $state: String) {
  upsertBucket(input: {modelName: $project, entityName: $entity, name: $name, state: $state}) {
    bucket { project { name entity { name } } ...FullRun }
    inserted
  }
}""" + FULL

START = """
mutation UpsertBucket($project: String, $entity: String, $name: String!, $sweep: String, $config: JSONString,
                      $host: String) {
  upsertBucket(input: {modelName: $project, entityName: $entity, name: $name, sweep: $sweep, config: $config,
                       host: $host}) {
    bucket { ...FullRun }
  }
}""" + FULL

UPDATE = """
mutation UpsertBucket($id: String!, $description: String, $displayName: String, $notes: String, $tags: [String!],
                      $config: JSONString!, $groupName: String, $jobType: String) {
  upsertBucket(input: {id: $id, description: $description, displayName: $displayName, notes: $notes, tags: $tags,
                       config: $config, groupName: $groupName, jobType: $jobType}) {
    bucket { ...FullRun }
  }
}""" + FULL

UPDATE_SUMMARY = """
mutation UpsertBucket($id: String, $summaryMetrics: JSONString) {
  upsertBucket(input: {id: $id, summaryMetrics: $summaryMetrics}) { bucket { id } }
}"""

UPDATE_STATE = """
mutation UpdateRunState($id: ID!, $state: String!) { updateRunState(input: {id: $id, state: $state}) { success } }"""

STOP = """
mutation StopRun($id: ID!) { stopRun(input: {id: $id}) { success } }"""

DELETE = """
mutation DeleteRun($id: ID!, $deleteArtifacts: Boolean) {
  deleteRun(input: {id: $id, deleteArtifacts: $deleteArtifacts}) { clientMutationId }
}"""

CONSOLE = """
query RunConsoleLog($entity: String!, $project: String!, $name: String!, $first: Int, $after: String) {
  project(name: $project, entityName: $entity) {
    run(name: $name) {
      logLines(first: $first, after: $after, useImprovedPagination: true) {
        edges { node { number timestamp level label line } }
        pageInfo { endCursor hasNextPage }
      }
    }
  }
}"""

PARQUET_HISTORY = """
query RunParquetHistory($project: String!, $entity: String!, $name: String!, $liveKeys: [String!]!) {
  project(name: $project, entityName: $entity) {
    run(name: $name) { parquetHistory(liveKeys: $liveKeys) { parquetUrls liveData } }
  }
}"""

CONSOLE_TAIL = """
query RunConsoleLogTail($entity: String!, $project: String!, $name: String!, $last: Int!) {
  project(name: $project, entityName: $entity) {
    run(name: $name) { logLines(last: $last) { edges { node { number timestamp level label line } } } }
  }
}"""
