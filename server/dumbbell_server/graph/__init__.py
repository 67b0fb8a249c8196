"""GraphQL and nothing else: scalars, connections, context, execution."""
