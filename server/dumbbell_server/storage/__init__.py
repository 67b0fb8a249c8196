"""The storage wing: rows and blobs."""
