"""MongoDB-style filters and orders: read once, then asked of documents or of columns in memory."""
