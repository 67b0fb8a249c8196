"""Documents about registries, which are projects of an organization's own entity."""

from dumbbell._documents.artifacts import COLLECTION_FIELDS, MEMBERSHIP_FIELDS

_REGISTRY = """
fragment RegistryFields on Project {
  id internalId name entity { name organization { name } } description createdAt updatedAt access
  allowAllArtifactTypes: allowAllArtifactTypesInRegistry
  artifactTypes(includeAll: true) { edges { node { name } } }
}"""

ORGANIZATIONS = """
query OrganizationsOfEntity($entity: String!) {
  entity(name: $entity) { organization { name } user { organizations { name } } }
}"""

ORGANIZATION = """
query OrganizationEntity($organization: String!) {
  organization(name: $organization) { id name orgEntity { id name } }
}"""

CREATE_ORGANIZATION = """
mutation CreateOrganization($organization: String!) {
  createOrganization(input: {name: $organization}) { organization { id name orgEntity { id name } } }
}"""

REGISTRIES = """
query Registries($organization: String!, $filters: JSONString, $cursor: String, $perPage: Int, $order: String) {
  organization(name: $organization) {
    orgEntity {
      projects(filters: $filters, after: $cursor, first: $perPage, order: $order) {
        edges { node { ...RegistryFields } } pageInfo { endCursor hasNextPage }
      }
    }
  }
}""" + _REGISTRY

REGISTRY = """
query Registry($name: String, $entity: String) {
  entity(name: $entity) { project(name: $name) { ...RegistryFields } }
}""" + _REGISTRY

COLLECTIONS = """
query RegistryCollections($organization: String!, $registryFilter: JSONString, $collectionFilter: JSONString,
                          $cursor: String, $perPage: Int, $order: String) {
  organization(name: $organization) {
    orgEntity {
      artifactCollections(projectFilters: $registryFilter, filters: $collectionFilter, collectionTypes: [PORTFOLIO],
                          after: $cursor, first: $perPage, order: $order) {
        totalCount edges { node { ...CollectionFields } } pageInfo { endCursor hasNextPage }
      }
    }
  }
}""" + COLLECTION_FIELDS

VERSIONS = """
query RegistryVersions($organization: String!, $registryFilter: JSONString, $collectionFilter: JSONString,
                       $artifactFilter: JSONString, $cursor: String, $perPage: Int, $order: String) {
  organization(name: $organization) {
    orgEntity {
      artifactMemberships(projectFilters: $registryFilter, collectionFilters: $collectionFilter,
                          filters: $artifactFilter, after: $cursor, first: $perPage, order: $order) {
        edges { node { ...MembershipFields } } pageInfo { endCursor hasNextPage }
      }
    }
  }
}""" + MEMBERSHIP_FIELDS

UPSERT = """
mutation UpsertRegistry($input: UpsertModelInput!) {
  upsertModel(input: $input) { inserted project { ...RegistryFields } }
}""" + _REGISTRY

RENAME = """
mutation RenameRegistry($input: RenameProjectInput!) {
  renameProject(input: $input) { project { ...RegistryFields } }
}""" + _REGISTRY

DELETE = """
mutation DeleteRegistry($id: String!) { deleteModel(input: {id: $id}) { success } }"""

USERS = """
query RegistryUsers($project: String!, $entity: String!) {
  project(name: $project, entityName: $entity) { members { id name username email role { name } } }
}"""

TEAMS = """
query RegistryTeams($project: String!, $entity: String!) {
  project(name: $project, entityName: $entity) {
    teamMembers {
      team { id name isTeam members { id role admin pending email username name accountType } }
      role { name }
    }
  }
}"""

ADD_MEMBERS = """
mutation AddRegistryMembers($input: CreateProjectMembersInput!) { createProjectMembers(input: $input) { success } }"""

REMOVE_MEMBERS = """
mutation RemoveRegistryMembers($input: DeleteProjectMembersInput!) {
  deleteProjectMembers(input: $input) { success }
}"""

UPDATE_USER = """
mutation UpdateRegistryUser($input: UpdateProjectMemberInput!) { updateProjectMember(input: $input) { success } }"""

UPDATE_TEAM = """
mutation UpdateRegistryTeam($input: UpdateProjectTeamMemberInput!) {
  updateProjectTeamMember(input: $input) { success }
}"""
