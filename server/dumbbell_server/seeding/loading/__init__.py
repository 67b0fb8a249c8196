"""A fixture into rows, domain by domain."""
