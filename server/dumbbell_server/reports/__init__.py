"""Views: reports and saved workspaces, kept as the documents that their editors write."""
