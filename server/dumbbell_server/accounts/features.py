"""Names in `serverInfo.features`. Each is switched on by what stands behind it."""

from __future__ import annotations

FEATURES: dict[str, bool] = {
    "STRUCTURED_CONSOLE_LOGS": True,
    "FILESTREAM_GZIP": True,
    "MARK_RUN_FILES_UPLOADED": True,
    "LARGE_FILENAMES": True,
    "UPDATE_RUN_STATE": True,
    "TOTAL_COUNT_IN_FILE_CONNECTION": True,
    "EXPAND_DEFINED_METRIC_GLOBS": True,
}
