"""All SQL of the history, by what it is about. Each goes to the driver as it is: see database/statements.py."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from dumbbell_server.database.statements import Statement
from dumbbell_server.history.tables import HISTORY, TEXTS
from dumbbell_server.runs.queries import RENAMED
from dumbbell_server.runs.states import LIVE_STATES

_LIVE = ", ".join(f"'{state}'" for state in sorted(LIVE_STATES))

# Runs

_FOUND = "SELECT r.id, r.state, r.stop_requested, r.restart_pending, p.entity_id, p.access"
FIND_RUN = Statement(
    f"{_FOUND} FROM entities e JOIN projects p ON p.entity_id = e.id JOIN runs r ON r.project_id = p.id"
    " WHERE e.name = :entity AND p.name = :project AND r.name = :run", "FOR UPDATE OF r")
FIND_RENAMED_RUN = Statement(_FOUND + RENAMED, "FOR UPDATE OF r")
LOCK_RUN = Statement("SELECT id FROM runs WHERE id = :run", "FOR UPDATE")
LOCK_GENERATION = Statement("SELECT history_generation FROM runs WHERE id = :run", "FOR SHARE")
HISTORY_VERSION = Statement("SELECT history_generation, history_line_count FROM runs WHERE id = :run")
STATE_AND_VERSION = Statement("SELECT state, history_generation, history_line_count FROM runs WHERE id = :run")
LIVE_RUNS = Statement(f"SELECT id FROM runs WHERE state IN ({_LIVE})")
RECORD_POST = Statement(
    "UPDATE runs SET heartbeat_at = :now, state = :state, history_line_count = history_line_count + :history,"
    " revision = next_revision(),"  # once a POST: what else it updates is committed with it
    " events_line_count = events_line_count + :events, log_line_count = log_line_count + :console WHERE id = :run")
GET_SUMMARY = Statement("SELECT summary_metrics FROM runs WHERE id = :run")
SET_SUMMARY = Statement("UPDATE runs SET summary_metrics = :text, updated_at = :now WHERE id = :run")
GET_SYSTEM_METRICS = Statement("SELECT system_metrics FROM runs WHERE id = :run")
SET_SYSTEM_METRICS = Statement("UPDATE runs SET system_metrics = :text WHERE id = :run")
SET_EXITCODE = Statement("UPDATE runs SET exitcode = :exitcode, updated_at = :now WHERE id = :run")
CLEAR_RESTART = Statement("UPDATE runs SET restart_pending = false WHERE id = :run")

# Chunks

INSERT_CHUNK = Statement(
    "INSERT INTO chunks (run_id, stream, writer, first_line, line_count, min_step, max_step, ordered,"
    " body) VALUES (:run, :stream, :writer, :first_line, :line_count, :min_step, :max_step, :ordered, :body)")
DELETE_CHUNK = Statement("DELETE FROM chunks WHERE id = :id")
CHUNKS = Statement(
    "SELECT id, writer, first_line, line_count, min_step, max_step FROM chunks"
    " WHERE run_id = :run AND stream = :stream ORDER BY writer, first_line")
CHUNK_BODY = Statement("SELECT body, line_count FROM chunks WHERE id = :id")
LAST_CHUNK_BODY = Statement(
    "SELECT body, line_count FROM chunks WHERE run_id = :run AND stream = :stream"
    " ORDER BY first_line + line_count DESC, writer DESC LIMIT 1")
CHUNKS_BETWEEN_STEPS = Statement(
    "SELECT id, min_step, max_step, ordered, line_count, body FROM chunks"
    " WHERE run_id = :run AND stream = :stream AND max_step >= :low AND min_step < :high ORDER BY writer, first_line")
RANGE_OF_STEPS = Statement(
    f"SELECT min(min_step) AS low, max(max_step) AS high FROM chunks WHERE run_id = :run AND stream = {HISTORY}")
CHUNKS_BEYOND_STEP = Statement(
    "SELECT id, writer, first_line, min_step FROM chunks"
    f" WHERE run_id = :run AND stream = {HISTORY} AND max_step > :step")
OVERLAPPING_CHUNKS = Statement(
    "SELECT id, first_line, line_count, body FROM chunks WHERE run_id = :run AND stream = :stream"
    " AND writer = :writer AND first_line < :last AND first_line + line_count > :first ORDER BY first_line")
CHUNK_BODIES_OF_GROUP = Statement(
    f"SELECT body FROM chunks WHERE run_id = :run AND stream = {HISTORY} AND writer = :writer"
    " AND first_line >= :first AND first_line < :end ORDER BY first_line")
NEXT_CHUNKS_WITHOUT_COLUMNS = Statement(
    f"SELECT id, first_line, line_count, body FROM chunks WHERE run_id = :run AND stream = {HISTORY}"
    " AND writer = :writer AND first_line >= :built ORDER BY first_line LIMIT :most")
_WITHOUT_COLUMNS = (
    "FROM chunks c JOIN stream_heads h ON h.run_id = c.run_id AND h.stream = c.stream AND h.writer = c.writer"
    f" WHERE c.run_id = :run AND c.stream = {HISTORY} AND c.first_line >= h.built")
CHUNKS_WITHOUT_COLUMNS = Statement(
    "SELECT c.id, c.writer, c.first_line, c.line_count, c.min_step, c.max_step, c.ordered"
    f" {_WITHOUT_COLUMNS} ORDER BY c.writer, c.first_line")

# Heads of streams: how many lines there are, and of how many there are columns

STREAM_HEAD = Statement(
    "SELECT lines, shift FROM stream_heads WHERE run_id = :run AND stream = :stream AND writer = :writer")
SET_STREAM_LINES = Statement(
    "INSERT INTO stream_heads (run_id, stream, writer, lines) VALUES (:run, :stream, :writer, :lines)"
    " ON CONFLICT (run_id, stream, writer) DO UPDATE SET lines = excluded.lines")
SET_SHIFT = Statement(
    "INSERT INTO stream_heads (run_id, stream, writer, lines, shift)"
    f" VALUES (:run, {HISTORY}, :writer, 0, :shift)"
    " ON CONFLICT (run_id, stream, writer) DO UPDATE SET shift = excluded.shift")
HISTORY_LINES = Statement(
    f"SELECT coalesce(sum(lines), 0) FROM stream_heads WHERE run_id = :run AND stream = {HISTORY}")
COUNT_HISTORY = Statement(
    "UPDATE runs SET revision = next_revision(),"
    " history_line_count = (SELECT coalesce(sum(lines), 0) FROM stream_heads h"
    f" WHERE h.run_id = runs.id AND h.stream = {HISTORY}) WHERE id = :run")
HISTORY_HEADS = Statement(
    "SELECT r.history_generation, h.writer, h.lines, h.built FROM runs r JOIN stream_heads h ON h.run_id = r.id"
    f" WHERE r.id = :run AND h.stream = {HISTORY} ORDER BY h.writer")
CUT_HISTORY_HEADS = Statement(
    "UPDATE stream_heads SET shift = 0, lines = (SELECT coalesce(max(first_line + line_count), 0) FROM chunks c"
    f" WHERE c.run_id = :run AND c.stream = {HISTORY} AND c.writer = stream_heads.writer)"
    f" WHERE run_id = :run AND stream = {HISTORY}")
LINES_WITHOUT_COLUMNS = Statement(
    f"SELECT max(lines - built) FROM stream_heads WHERE run_id = :run AND stream = {HISTORY}")
GENERATION_AND_BUILT = Statement(
    "SELECT r.history_generation, h.built FROM runs r JOIN stream_heads h ON h.run_id = r.id"
    f" WHERE r.id = :run AND h.stream = {HISTORY} AND h.writer = :writer")
SET_BUILT = Statement(
    f"UPDATE stream_heads SET built = :built WHERE run_id = :run AND stream = {HISTORY} AND writer = :writer")

# Groups of lines that are there as columns too. Columns are in the order in which rows have their keys

INSERT_GROUP = Statement(
    "INSERT INTO column_groups (run_id, writer, first_line, end_line, rows, min_step, max_step, ordered)"
    " VALUES (:run, :writer, :first, :end, :rows, :low, :high, :ordered) RETURNING id")
DELETE_GROUP = Statement("DELETE FROM column_groups WHERE id = :id")
GROUPS = Statement(
    "SELECT id, writer, first_line, end_line, rows, min_step, max_step, ordered FROM column_groups"
    " WHERE run_id = :run ORDER BY writer, first_line")
INSERT_COLUMN = Statement(
    "INSERT INTO history_columns (group_id, digest, name, kind, count, facts, mask, body)"
    " VALUES (:group, :digest, :name, :kind, :count, :facts, :mask, :body)")
COLUMNS_OF_GROUP = Statement(
    "SELECT name, kind, count AS held, facts, mask, body FROM history_columns WHERE group_id = :group ORDER BY id")
COLUMN_BODIES_OF_GROUP = Statement(
    "SELECT name, kind, count AS held, body FROM history_columns WHERE group_id = :group")
COLUMN_BODY = Statement("SELECT body FROM history_columns WHERE group_id = :group AND digest = :digest")
FACTS_OF_GROUP = Statement(
    "SELECT name, facts FROM history_columns WHERE group_id = :group AND facts IS NOT NULL ORDER BY id")
_COLUMNS_OF_RUN = "FROM column_groups g JOIN history_columns c ON c.group_id = g.id WHERE g.run_id = :run"
VALUES_BY_KIND = Statement(
    f"SELECT c.name, c.kind, sum(c.count) AS held {_COLUMNS_OF_RUN} GROUP BY c.name, c.kind ORDER BY c.name")
FACTS_OF_TEXTS = Statement(f"SELECT c.name, c.facts {_COLUMNS_OF_RUN} AND c.kind = '{TEXTS}'")


@lru_cache(maxsize=64)
def columns_by_digest(count: int) -> Statement:
    """The columns of a run with one of `count` digests `d0`, `d1` …; without their bodies."""
    digests = ", ".join(f":d{at}" for at in range(count))
    return Statement(
        f"SELECT c.group_id, c.digest, c.kind, c.count AS held, c.mask {_COLUMNS_OF_RUN} AND c.digest IN ({digests})")


# What was made of a history

DELETE_HISTORY = (
    Statement(f"DELETE FROM chunks WHERE run_id = :run AND stream = {HISTORY}"),
    Statement(f"DELETE FROM stream_heads WHERE run_id = :run AND stream = {HISTORY}"),
    Statement("UPDATE runs SET history_line_count = 0 WHERE id = :run"),
)
BEGIN_GENERATION = (
    Statement("UPDATE runs SET history_generation = history_generation + 1 WHERE id = :run"),
    Statement("DELETE FROM column_groups WHERE run_id = :run"),
    Statement(f"UPDATE stream_heads SET built = 0 WHERE run_id = :run AND stream = {HISTORY}"),
    Statement("DELETE FROM compactions WHERE run_id = :run"),
)
KEY_DOCUMENT = Statement("SELECT generation, lines, document FROM history_keys WHERE run_id = :run")
PUT_KEY_DOCUMENT = Statement(
    "INSERT INTO history_keys (run_id, generation, lines, document)"
    " SELECT id, :generation, :lines, :document FROM runs WHERE id = :run_id"
    " ON CONFLICT (run_id) DO UPDATE SET generation = excluded.generation, lines = excluded.lines,"
    " document = excluded.document")
UNFINISHED_RUNS = Statement(
    "SELECT DISTINCT h.run_id FROM stream_heads h JOIN runs r ON r.id = h.run_id LEFT JOIN compactions c"
    f" ON c.run_id = h.run_id WHERE h.stream = {HISTORY} AND h.lines > 0 AND (c.run_id IS NULL"
    " OR c.generation <> r.history_generation OR c.lines <> r.history_line_count OR c.parquet = :again)")
PUT_COMPACTION = Statement(
    "INSERT INTO compactions (run_id, generation, lines, parquet) VALUES (:run, :generation, :lines, :parquet)"
    " ON CONFLICT (run_id) DO UPDATE SET generation = excluded.generation, lines = excluded.lines,"
    " parquet = excluded.parquet")
SET_PARQUET = Statement("UPDATE compactions SET parquet = :parquet WHERE run_id = :run")


def key_documents(runs: Iterable[int]) -> str:
    """The kept key documents of these runs, by numbers of ours: they may be more than parameters are allowed."""
    return f"SELECT run_id, generation, lines, document FROM history_keys WHERE run_id IN ({', '.join(map(str, runs))})"


# Parquet files

EXPORTED_RUN = Statement(
    "SELECT r.history_generation, r.history_line_count, r.parent_name,"
    f" (SELECT count(*) FROM stream_heads h WHERE h.run_id = r.id AND h.stream = {HISTORY} AND h.writer <> '')"
    " AS others FROM runs r WHERE r.id = :run")
PARTITIONS = Statement(
    "SELECT id, generation, number, end_line, columns, size, md5, blob_key FROM partitions WHERE run_id = :run"
    " ORDER BY generation, number")
PARTITION_ENDS = Statement("SELECT end_line FROM partitions WHERE run_id = :run")
DELETE_PARTITION = Statement("DELETE FROM partitions WHERE id = :id")
INSERT_OFFER = Statement(
    "INSERT INTO parquet_offers (name, run_id, generation) VALUES (:name, :run, :generation)"
    " ON CONFLICT (name) DO NOTHING")
