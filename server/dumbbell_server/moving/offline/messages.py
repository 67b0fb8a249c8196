"""The records of a log (docs/protocol/offline.md#records): what of them is imported.

Field numbers are those of `wandb_internal.proto` in wandb 0.12.21, 0.22.3 and 0.31.0, which agree in all that is here.
"""

from __future__ import annotations

from dumbbell_server.moving.offline.wire import BIG, BOOL, BYTES, DOUBLE, INT, TEXT, ZIGZAG, Message

TIMESTAMP = Message({1: ("seconds", INT), 2: ("nanos", INT)})
_ITEM = Message({
    1: ("key", TEXT), 2: ("nested_key", [TEXT]), 3: ("none", INT), 4: ("boolean", BOOL), 5: ("integer", ZIGZAG),
    6: ("number", DOUBLE), 7: ("text", TEXT), 8: ("json", TEXT), 16: ("value_json", TEXT)})
_CHANGES = Message({1: ("update", [_ITEM]), 2: ("remove", [_ITEM])})  # of a config or a summary
_GIT = Message({1: ("remote", TEXT), 2: ("commit", TEXT)})
_ENTRY = Message({
    1: ("path", TEXT), 2: ("digest", TEXT), 3: ("ref", TEXT), 4: ("size", INT), 6: ("local_path", TEXT),
    16: ("extra", [Message({1: ("key", TEXT), 2: ("value_json", TEXT)})])})
_MANIFEST = Message({
    1: ("version", INT), 2: ("storage_policy", TEXT),
    3: ("storage_policy_config", [Message({1: ("key", TEXT), 2: ("value_json", TEXT)})]),
    4: ("contents", [_ENTRY]), 5: ("manifest_file_path", TEXT)})
_OUTPUT = Message({1: ("output_type", INT), 2: ("timestamp", TIMESTAMP), 3: ("line", TEXT)})
_RUN = Message({
    1: ("run_id", TEXT), 2: ("entity", TEXT), 3: ("project", TEXT), 4: ("config", _CHANGES), 5: ("summary", _CHANGES),
    6: ("group", TEXT), 7: ("job_type", TEXT), 8: ("name", TEXT), 9: ("notes", TEXT), 10: ("tags", [TEXT]),
    12: ("sweep", TEXT), 13: ("host", TEXT), 17: ("start_time", TIMESTAMP), 19: ("telemetry", BYTES),
    21: ("git", _GIT), 23: ("branch_point", Message({1: ("run", TEXT), 2: ("value", DOUBLE), 3: ("metric", TEXT)})),
    24: ("resume", BOOL)})
_METRIC = Message({
    1: ("name", TEXT), 2: ("glob_name", TEXT), 4: ("step_metric", TEXT), 6: ("options", BYTES), 7: ("summary", BYTES),
    8: ("goal", INT), 9: ("control", BYTES), 10: ("expanded_from_glob", BOOL)})
_ARTIFACT = Message({
    4: ("type", TEXT), 5: ("name", TEXT), 6: ("digest", TEXT), 7: ("description", TEXT), 8: ("metadata", TEXT),
    10: ("use_after_commit", BOOL), 11: ("aliases", [TEXT]), 12: ("manifest", _MANIFEST), 13: ("distributed_id", TEXT),
    14: ("finalize", BOOL), 15: ("client_id", TEXT), 16: ("sequence_client_id", TEXT), 17: ("base_id", TEXT),
    18: ("ttl_seconds", INT), 19: ("tags", [TEXT]), 20: ("digest_algorithm", TEXT), 100: ("incremental", BOOL)})

# names as they stand in wandb-metadata.json
_DISK = Message({1: ("total", BIG), 2: ("used", BIG)})
_ENVIRONMENT = Message({
    1: ("os", TEXT), 2: ("python", TEXT), 3: ("startedAt", TIMESTAMP), 4: ("docker", TEXT), 5: ("args", [TEXT]),
    6: ("program", TEXT), 7: ("codePath", TEXT), 8: ("codePathLocal", TEXT), 9: ("git", _GIT), 10: ("email", TEXT),
    11: ("root", TEXT), 12: ("host", TEXT), 13: ("username", TEXT), 14: ("executable", TEXT), 15: ("colab", TEXT),
    16: ("cpu_count", INT), 17: ("cpu_count_logical", INT), 18: ("gpu", TEXT), 19: ("gpu_count", INT),
    20: ("disk", [Message({1: ("key", TEXT), 2: ("value", _DISK)})]), 21: ("memory", Message({1: ("total", BIG)})),
    22: ("cpu", Message({1: ("count", INT), 2: ("countLogical", INT), 3: ("model", TEXT)})),
    23: ("apple", Message({1: ("name", TEXT), 2: ("ecpuCores", INT), 3: ("pcpuCores", INT), 4: ("gpuCores", INT),
                           5: ("memoryGb", INT), 6: ("swapTotalBytes", BIG), 7: ("ramTotalBytes", BIG),
                           8: ("macModel", TEXT)})),
    24: ("gpu_nvidia", [Message({1: ("name", TEXT), 2: ("memoryTotal", BIG), 3: ("cudaCores", INT),
                                 4: ("architecture", TEXT), 5: ("uuid", TEXT), 6: ("pciBusId", TEXT),
                                 7: ("numaNode", INT)})]),
    25: ("cudaVersion", TEXT),
    26: ("gpu_amd", [Message({1: ("id", TEXT), 2: ("uniqueId", TEXT), 3: ("vbiosVersion", TEXT),
                              4: ("performanceLevel", TEXT), 5: ("gpuOverdrive", TEXT), 6: ("gpuMemoryOverdrive", TEXT),
                              7: ("maxPower", TEXT), 8: ("series", TEXT), 9: ("model", TEXT), 10: ("vendor", TEXT),
                              11: ("sku", TEXT), 12: ("sclkRange", TEXT), 13: ("mclkRange", TEXT)})]),
    27: ("slurm", [Message({1: ("key", TEXT), 2: ("value", TEXT)})]),
    28: ("trainium", Message({1: ("name", TEXT), 2: ("vendor", TEXT), 3: ("neuronDeviceCount", INT),
                              4: ("neuroncorePerDeviceCount", INT)})),
    29: ("tpu", Message({1: ("name", TEXT), 2: ("hbmGib", INT), 3: ("devicesPerChip", INT), 4: ("count", INT)})),
    30: ("coreweave", Message({1: ("clusterName", TEXT), 2: ("orgId", TEXT), 3: ("region", TEXT)})),
    199: ("writerId", TEXT)})

RECORD = Message({
    2: ("history", Message({1: ("item", [_ITEM]), 2: ("step", Message({1: ("num", INT)}))})),
    3: ("summary", _CHANGES),
    4: ("output", _OUTPUT),
    5: ("config", _CHANGES),
    6: ("files", Message({1: ("files", [Message({1: ("path", TEXT)})])})),
    7: ("stats", Message({2: ("timestamp", TIMESTAMP), 3: ("item", [_ITEM])})),
    8: ("artifact", _ARTIFACT),
    11: ("telemetry", BYTES),
    12: ("metric", _METRIC),
    13: ("output", _OUTPUT),  # which 0.12.21 does not write, and later releases write in its place
    17: ("run", _RUN),
    18: ("exit", Message({1: ("exit_code", INT), 2: ("runtime", INT)})),
    21: ("header", Message({1: ("version_info", Message({1: ("producer", TEXT)}))})),
    23: ("preempting", BYTES),
    26: ("environment", _ENVIRONMENT)})
HEADER_OR_RUN = Message({number: RECORD.fields[number] for number in (17, 21)})
