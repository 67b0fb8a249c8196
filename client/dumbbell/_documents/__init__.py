"""The GraphQL documents, by what they are about."""
