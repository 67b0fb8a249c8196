"""The files of versions: manifests, bytes on their way in and out, commit, and what nothing names any more."""
