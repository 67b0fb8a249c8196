"""Projects and who may see them."""
