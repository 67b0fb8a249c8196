"""Documents about sweeps."""

from dumbbell._documents.runs import FULL

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

SWEEPS = """
query Sweeps($project: String!, $entity: String!, $cursor: String, $perPage: Int = 50) {
  project(name: $project, entityName: $entity) {
    totalSweeps
    sweeps(after: $cursor, first: $perPage) {
      edges { node { ...SweepFields } } pageInfo { endCursor hasNextPage }
    }
  }
}""" + _FIELDS
