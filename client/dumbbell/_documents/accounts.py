"""Documents about users, teams and projects."""

_USER = ("id name username email admin flags entity teams { edges { node { name } } } "
         "apiKeys { edges { node { id name description } } }")

VIEWER = f"""
query Viewer {{ viewer {{ {_USER} }} }}"""

USERS = f"""
query Users($query: String) {{ users(query: $query) {{ edges {{ node {{ {_USER} }} }} }} }}"""

TEAM = """
query Team($name: String!) {
  entity(name: $name) {
    id name available photoUrl readOnly readOnlyAdmin isTeam privateOnly storageBytes codeSavingEnabled defaultAccess
    isPaid members { id role admin pending email username name photoUrl accountType apiKey }
  }
}"""

_PROJECT = "id internalId name entityName createdAt isBenchmark description"

PROJECTS = f"""
query Projects($entity: String, $cursor: String, $perPage: Int = 50) {{
  models(entityName: $entity, after: $cursor, first: $perPage) {{
    edges {{ node {{ {_PROJECT} }} }}
    pageInfo {{ endCursor hasNextPage }}
  }}
}}"""

PROJECT = f"""
query Project($name: String!, $entity: String!) {{
  project(name: $name, entityName: $entity) {{ {_PROJECT} user {{ id name username email }} }}
}}"""

CREATE_PROJECT = """
mutation UpsertModel($name: String, $entity: String, $description: String) {
  upsertModel(input: {name: $name, entityName: $entity, description: $description}) {
    model { id name entityName description }
    inserted
  }
}"""

CREATE_USER = f"""
mutation CreateUserFromAdmin($email: String!, $admin: Boolean) {{
  createUser(input: {{email: $email, admin: $admin}}) {{ user {{ {_USER} }} }}
}}"""

GENERATE_KEY = """
mutation GenerateApiKey($description: String) {
  generateApiKey(input: {description: $description}) { apiKey { id name description } }
}"""

DELETE_KEY = """
mutation DeleteApiKey($id: String!) { deleteApiKey(input: {id: $id}) { success } }"""

CREATE_TEAM = """
mutation CreateTeam($team: String!, $admin: String) {
  createTeam(input: {teamName: $team, teamAdminUserName: $admin}) { entity { id } }
}"""

INVITE = """
mutation CreateInvite($entity: String!, $email: String, $username: String, $admin: Boolean) {
  createInvite(input: {entityName: $entity, email: $email, username: $username, admin: $admin}) { invite { id } }
}"""

DELETE_INVITE = """
mutation DeleteInvite($id: String, $entity: String) {
  deleteInvite(input: {id: $id, entityName: $entity}) { success }
}"""

CREATE_SERVICE_ACCOUNT = """
mutation CreateServiceAccount($entity: String!, $description: String!) {
  createServiceAccount(input: {description: $description, entityName: $entity}) { user { id } }
}"""
