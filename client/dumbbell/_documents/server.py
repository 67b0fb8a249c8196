"""Documents about the server itself."""

FEATURES = """
query ServerFeatures { serverInfo { features { name isEnabled } } }"""
