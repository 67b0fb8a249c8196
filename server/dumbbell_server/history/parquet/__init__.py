"""Parquet files of runs that have ended."""
