"""Pages of lists as types of the schema.

Resolvers return a `listing.pages.Page`, whose attributes are read by the names of a connection's fields.
"""

import strawberry

from dumbbell_server.listing.pages import PageInfo

__all__ = ["PageInfo"]

strawberry.type(PageInfo)  # the class itself becomes the type: lists know no GraphQL
