"""Documents about sweeps."""

from collections.abc import Container

from dumbbell._documents.runs import FULL, LIGHT

_FIELDS = """
fragment SweepFields on Sweep {
  id name displayName method state description bestLoss config createdAt updatedAt runCount runCountExpected
}"""

SWEEP = """
query Sweep($project: String!, $entity: String, $name: String!) {
  project(name: $project, entityName: $entity) { sweep(sweepName: $name) { ...SweepFields } }
}""" + _FIELDS

SWEEP_WITH_RUNS = """
query SweepWithRuns($project: String!, $entity: String, $name: String!) {
  project(name: $project, entityName: $entity) {
    sweep(sweepName: $name) {
      ...SweepFields
      runs { edges { node { ...FullRun } } pageInfo { endCursor hasNextPage } }
    }
  }
}""" + _FIELDS + FULL

_SWEEPS = """
query Sweeps($project: String!, $entity: String!, $cursor: String, $perPage: Int = 50%s) {
  project(name: $project, entityName: $entity) {
    totalSweeps
    sweeps(after: $cursor, first: $perPage%s) {
      edges { node { ...SweepFields } } pageInfo { endCursor hasNextPage }
    }
  }
}""" + _FIELDS
_ARGUMENTS = {"filters": "JSONString", "order": "String"}


def sweeps(arguments: Container[str]) -> str:
    """The list of sweeps with these of its later arguments, which older servers do not know."""
    taken = [name for name in _ARGUMENTS if name in arguments]
    return _SWEEPS % ("".join(f", ${name}: {_ARGUMENTS[name]}" for name in taken),
                      "".join(f", {name}: ${name}" for name in taken))


_AGENT_FIELDS = """
fragment AgentFields on Agent { id name host state totalRuns createdAt heartbeatAt }"""

AGENTS = """
query SweepAgents($project: String, $entity: String, $name: String!) {
  project(name: $project, entityName: $entity) {
    sweep(sweepName: $name) { agents { edges { node { ...AgentFields } } } }
  }
}""" + _AGENT_FIELDS

AGENT = """
query SweepAgent($project: String, $entity: String, $name: String!, $agent: String!) {
  project(name: $project, entityName: $entity) {
    sweep(sweepName: $name) { agent(agentName: $agent) { ...AgentFields } }
  }
}""" + _AGENT_FIELDS

AGENT_RUNS = """
query AgentRuns($project: String, $entity: String, $name: String!, $agent: String!, $cursor: String, $perPage: Int,
                $order: String) {
  project(name: $project, entityName: $entity) {
    sweep(sweepName: $name) {
      agent(agentName: $agent) {
        runs(after: $cursor, first: $perPage, order: $order) {
          edges { cursor node { ...LightRun } } pageInfo { endCursor hasNextPage }
        }
      }
    }
  }
}""" + LIGHT

ENQUEUE = """
mutation EnqueueSweepRun($id: ID!, $config: JSONString!, $displayName: String) {
  enqueueSweepRun(input: {id: $id, config: $config, displayName: $displayName}) { id runQueueItemId }
}"""

UPSERT = """
mutation UpsertSweep($config: String, $description: String, $entity: String, $project: String,
                     $priorRuns: JSONString) {
  upsertSweep(input: {config: $config, description: $description, entityName: $entity, projectName: $project,
                      priorRunsFilters: $priorRuns}) {
    sweep { name project { name entity { name } } }
    configValidationWarnings
  }
}"""

CREATE_AGENT = """
mutation CreateAgent($host: String!, $project: String, $entity: String, $name: String!) {
  createAgent(input: {host: $host, projectName: $project, entityName: $entity, sweep: $name}) { agent { id } }
}"""

HEARTBEAT = """
mutation Heartbeat($id: ID!, $metrics: JSONString, $runState: JSONString) {
  agentHeartbeat(input: {id: $id, metrics: $metrics, runState: $runState}) { agent { id } commands }
}"""
