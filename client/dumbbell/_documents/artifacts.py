"""Documents about artifacts."""

_ARTIFACT = """
fragment ArtifactFields on Artifact {
  id digest description metadata state size fileCount commitHash versionIndex historyStep ttlDurationSeconds
  ttlIsInherited createdAt updatedAt
  artifactType { id name }
  artifactSequence { id name project { id name entityName } }
  aliases { id alias artifactCollection { __typename name project { name entityName } } }
  tags { id name }
}"""

MEMBERSHIP_FIELDS = """
fragment MembershipFields on ArtifactCollectionMembership {
  id versionIndex createdAt
  aliases { id alias }
  artifactCollection { __typename id name project { id name entityName } }
  artifact { ...ArtifactFields }
}""" + _ARTIFACT

COLLECTION_FIELDS = """
fragment CollectionFields on ArtifactCollection {
  __typename id name description createdAt updatedAt
  defaultArtifactType { name }
  project { id internalId name entityName }
  tags { edges { node { id name } } }
}"""

_TYPE = "id name description createdAt"

BY_MEMBERSHIP = """
query ArtifactMembership($entity: String!, $project: String!, $name: String!) {
  project(name: $project, entityName: $entity) {
    artifactCollectionMembership(name: $name) { ...MembershipFields }
  }
}""" + MEMBERSHIP_FIELDS

BY_NAME = """
query Artifact($entity: String!, $project: String!, $name: String!) {
  project(name: $project, entityName: $entity) { artifact(name: $name) { ...ArtifactFields } }
}""" + _ARTIFACT

BY_ID = """
query ArtifactByID($id: ID!) { artifact(id: $id) { ...ArtifactFields } }""" + _ARTIFACT

BY_CLIENT_ID = """
query ClientIDMapping($clientID: ID!) { clientIDMapping(clientID: $clientID) { serverID } }"""

MANIFEST = """
query ArtifactManifest($id: ID!) { artifact(id: $id) { currentManifest { id file { id directUrl } } } }"""

FILES = """
query ArtifactFiles($id: ID!, $fileNames: [String!], $fileCursor: String, $fileLimit: Int = 50) {
  artifact(id: $id) {
    files(names: $fileNames, after: $fileCursor, first: $fileLimit) {
      edges { node { id name: displayName url directUrl sizeBytes mimetype updatedAt digest md5 } cursor }
      pageInfo { endCursor hasNextPage }
    }
  }
}"""

CREATED_BY = """
query ArtifactCreatedBy($id: ID!) {
  artifact(id: $id) { createdBy { __typename ... on Run { name project { name entityName } } } }
}"""

USED_BY = """
query ArtifactUsedBy($id: ID!) {
  artifact(id: $id) { usedBy { edges { node { name project { name entityName } } } } }
}"""

MEMBERSHIPS = """
query ArtifactMemberships($id: ID!) {
  artifact(id: $id) { artifactMemberships { edges { node { ...MembershipFields } } } }
}""" + MEMBERSHIP_FIELDS

UPDATE = """
mutation UpdateArtifact($input: UpdateArtifactInput!) {
  updateArtifact(input: $input) { artifact { ...ArtifactFields } }
}""" + _ARTIFACT

ADD_ALIASES = """
mutation AddAliases($input: AddAliasesInput!) { addAliases(input: $input) { success } }"""

DELETE_ALIASES = """
mutation DeleteAliases($input: DeleteAliasesInput!) { deleteAliases(input: $input) { success } }"""

DELETE = """
mutation DeleteArtifact($id: ID!, $deleteAliases: Boolean) {
  deleteArtifact(input: {artifactID: $id, deleteAliases: $deleteAliases}) { artifact { id } }
}"""

LINK = """
mutation LinkArtifact($input: LinkArtifactInput!) { linkArtifact(input: $input) { versionIndex } }"""

UNLINK = """
mutation UnlinkArtifact($input: UnlinkArtifactInput!) { unlinkArtifact(input: $input) { success } }"""

USE = """
mutation UseArtifact($input: UseArtifactInput!) { useArtifact(input: $input) { artifact { id } } }"""

CREATE = """
mutation CreateArtifact($input: CreateArtifactInput!) {
  createArtifact(input: $input) { artifact { id state artifactSequence { id name } } }
}"""

CREATE_FILES = """
mutation CreateArtifactFiles($input: CreateArtifactFilesInput!) {
  createArtifactFiles(input: $input) {
    files { edges { node {
      id name uploadUrl uploadHeaders storagePath artifact { id }
      uploadMultipartUrls { uploadID uploadUrlParts { partNumber uploadUrl } }
    } } }
  }
}"""

CREATE_MANIFEST = """
mutation CreateArtifactManifest($input: CreateArtifactManifestInput!, $upload: Boolean!) {
  createArtifactManifest(input: $input) {
    artifactManifest { id file { id uploadUrl @include(if: $upload) uploadHeaders @include(if: $upload) } }
  }
}"""

JOIN_PARTS = """
mutation CompleteMultipartUploadArtifact($input: CompleteMultipartUploadArtifactInput!) {
  completeMultipartUploadArtifact(input: $input) { digest }
}"""

COMMIT = """
mutation CommitArtifact($id: ID!) { commitArtifact(input: {artifactID: $id}) { artifact { id digest } } }"""

TYPES = f"""
query ProjectArtifactTypes($entity: String!, $project: String!, $cursor: String, $perPage: Int) {{
  project(name: $project, entityName: $entity) {{
    artifactTypes(after: $cursor, first: $perPage) {{
      edges {{ node {{ {_TYPE} }} }} pageInfo {{ endCursor hasNextPage }}
    }}
  }}
}}"""

TYPE = f"""
query ProjectArtifactType($entity: String!, $project: String!, $type: String!) {{
  project(name: $project, entityName: $entity) {{ artifactType(name: $type) {{ {_TYPE} }} }}
}}"""

TYPE_COLLECTIONS = """
query ArtifactTypeArtifactCollections($entity: String!, $project: String!, $type: String!, $cursor: String,
                                      $perPage: Int, $filters: JSONString, $order: String) {
  project(name: $project, entityName: $entity) {
    artifactType(name: $type) {
      artifactCollections(after: $cursor, first: $perPage, filters: $filters, order: $order) {
        totalCount edges { node { ...CollectionFields } } pageInfo { endCursor hasNextPage }
      }
    }
  }
}""" + COLLECTION_FIELDS

PROJECT_COLLECTIONS = """
query ProjectArtifactCollections($entity: String!, $project: String!, $cursor: String, $perPage: Int,
                                 $filters: JSONString, $order: String) {
  project(name: $project, entityName: $entity) {
    artifactCollections(after: $cursor, first: $perPage, filters: $filters, order: $order) {
      totalCount edges { node { ...CollectionFields } } pageInfo { endCursor hasNextPage }
    }
  }
}""" + COLLECTION_FIELDS

COLLECTION = """
query ProjectArtifactCollection($entity: String!, $project: String!, $type: String!, $name: String!) {
  project(name: $project, entityName: $entity) {
    artifactType(name: $type) { artifactCollection(name: $name) { ...CollectionFields } }
  }
}""" + COLLECTION_FIELDS

COLLECTION_ALIASES = """
query ArtifactCollectionAliases($id: ID!, $cursor: String, $perPage: Int = 1000) {
  artifactCollection(id: $id) {
    aliases(after: $cursor, first: $perPage) { edges { node { alias } } pageInfo { endCursor hasNextPage } }
  }
}"""

VERSIONS = """
query ProjectArtifacts($entity: String!, $project: String!, $type: String!, $collection: String!, $cursor: String,
                       $perPage: Int = 50, $order: String, $filters: JSONString) {
  project(name: $project, entityName: $entity) {
    artifactType(name: $type) {
      artifactCollection(name: $collection) {
        artifacts(after: $cursor, first: $perPage, order: $order, filters: $filters) {
          totalCount edges { version node { ...ArtifactFields } } pageInfo { endCursor hasNextPage }
        }
      }
    }
  }
}""" + _ARTIFACT

RUN_ARTIFACTS = """
query Run%sArtifacts($entity: String!, $project: String!, $run: String!, $cursor: String, $perPage: Int) {
  project(name: $project, entityName: $entity) {
    run(name: $run) {
      artifacts: %s(after: $cursor, first: $perPage) {
        totalCount edges { node { ...ArtifactFields } } pageInfo { endCursor hasNextPage }
      }
    }
  }
}""" + _ARTIFACT

UPDATE_COLLECTION = """
mutation Update%(kind)s($input: Update%(kind)sInput!) {
  update%(kind)s(input: $input) { artifactCollection { ...CollectionFields } }
}""" + COLLECTION_FIELDS

DELETE_COLLECTION = """
mutation Delete%(kind)s($id: ID!) {
  delete%(kind)s(input: {%(argument)s: $id}) { artifactCollection { __typename state } }
}"""

MOVE = """
mutation MoveArtifactSequence($input: MoveArtifactSequenceInput!) {
  moveArtifactSequence(input: $input) { artifactCollection { ...CollectionFields } }
}""" + COLLECTION_FIELDS

ADD_TAGS = """
mutation AddCollectionTags($input: CreateArtifactCollectionTagAssignmentsInput!) {
  createArtifactCollectionTagAssignments(input: $input) { tags { id name } }
}"""

DELETE_TAGS = """
mutation DeleteCollectionTags($input: DeleteArtifactCollectionTagAssignmentsInput!) {
  deleteArtifactCollectionTagAssignments(input: $input) { success }
}"""
