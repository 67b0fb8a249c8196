"""Every GraphQL document inside wandb 0.31.0 and its Go core fits our schema, but for those that wait for a domain."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import DocumentNode, OperationDefinitionNode, parse, validate

from dumbbell_server.graph.execution import RULES
from dumbbell_server.schema import build_schema
from support.sdk import sdk_python

pytestmark = pytest.mark.sdk

# Names of operations that our schema cannot answer yet, by what they wait for. One that it can must leave the list.
WAITING = {
    "reports and charts": """
        CreateCustomChart
    """,
    "launch": """
        ackRunQueueItem CreateDefaultResourceConfig createLaunchAgent CreateRunQueue DeleteFromRunQueue
        DeleteRunQueue failRunQueueItem fetchRunQueuesFromProject GetDefaultResourceConfig GetRunQueueItem
        GetRunQueueItems GetRunQueueMetadata LaunchAgent popFromRunQueue ProjectRunQueues pushToRunQueue
        pushToRunQueueByName updateLaunchAgent updateRunQueueItemWarning UpsertRunQueue
    """,
    "automations": """
        CreateAutomation CreateGenericWebhookIntegration DeleteAutomation GetAutomationsLegacy
        GetEntityAutomations GetEntityAutomationsLegacy GetOrgAutomations IntegrationsByEntity UpdateAutomation
    """,
    "alerts": """
        NotifyScriptableRunAlert
    """,
}


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Texts by where they are: in the Python package or in the core."""
    folder = tmp_path_factory.mktemp("documents")
    target = folder / "documents.json"
    collector = Path(__file__).parent.parent / "support" / "sdk_documents.py"
    subprocess.run([str(sdk_python("0.31.0")), str(collector), str(target)], check=True, timeout=120, cwd=folder,
                   env={"HOME": str(folder), "WANDB_SILENT": "true"}, capture_output=True)
    found: dict[str, list[str]] = json.loads(target.read_text())
    return found


def test_all_documents_are_found(documents: dict[str, list[str]]) -> None:
    """The counts that 0.31.0 has; a pattern that misses some would make the other test pass for nothing."""
    assert len(documents["python"]) == 129
    assert len(documents["core"]) == 42


def test_documents_fit_the_schema(documents: dict[str, list[str]]) -> None:
    schema = build_schema()
    waiting = set(" ".join(WAITING.values()).split())
    refused: dict[str, list[str]] = {}
    for document in map(parse, (filled(text) for texts in documents.values() for text in texts)):
        errors = [error.message for error in validate(schema, document, RULES)]
        for name in names_of(document):
            refused.setdefault(name, []).extend(errors)
    wrong = {name: errors for name, errors in refused.items() if errors and name not in waiting}
    assert not wrong, "the schema does not fit what wandb 0.31.0 sends"
    stale = sorted(name for name in waiting if not refused.get(name))
    assert not stale, f"these fit by now, or are gone: take them out of WAITING in {Path(__file__).name}"


def filled(text: str) -> str:
    """The one document with a gap, as wandb 0.31.0 apis/public/sweeps.py:_upsert_sweep fills it."""
    return text.replace("_PROJECT_QUERY_", "project { id name entity { id name } }")


def names_of(document: DocumentNode) -> Iterator[str]:
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            yield definition.name.value if definition.name else "without a name"
