"""Documents about reports, which the server calls views."""

REPORTS = """
query ProjectViews($project: String!, $entity: String!, $reportCursor: String, $reportLimit: Int!,
                   $viewType: String = "runs", $viewName: String) {
  project(name: $project, entityName: $entity) {
    allViews(viewType: $viewType, viewName: $viewName, first: $reportLimit, after: $reportCursor) {
      edges {
        node { id name displayName description user { username photoUrl email } spec updatedAt createdAt }
        cursor
      }
      pageInfo { endCursor hasNextPage }
    }
  }
}"""
