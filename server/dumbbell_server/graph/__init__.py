"""The GraphQL wing: scalars, connections, context, execution."""
