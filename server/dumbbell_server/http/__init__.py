"""The HTTP wing: bytes in, bytes out."""
