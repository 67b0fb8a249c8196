"""Where a sweep looks next: pure functions of a config and of what its runs have shown. They know no database."""
