"""Operations of `wandb` that the schema cannot answer, by what they wait for. One that it can must leave the list."""

WAITING: dict[str, frozenset[str]] = {what: frozenset(names.split()) for what, names in {
    "reports and charts": """
        CreateCustomChart
    """,
    "launch": """
        ackRunQueueItem CreateDefaultResourceConfig createLaunchAgent CreateRunQueue DeleteFromRunQueue
        DeleteRunQueue failRunQueueItem fetchRunQueuesFromProject GetDefaultResourceConfig GetRunQueueItem
        GetRunQueueItems GetRunQueueMetadata LaunchAgent popFromRunQueue ProjectRunQueues pushToRunQueue
        pushToRunQueueByName updateLaunchAgent updateRunQueueItemWarning UpsertRunQueue
        createDefaultResourceConfig createRunQueue upsertRunQueue launchRun RunInfo
    """,
    "automations": """
        CreateAutomation CreateGenericWebhookIntegration DeleteAutomation GetAutomationsLegacy
        GetEntityAutomations GetEntityAutomationsLegacy GetOrgAutomations IntegrationsByEntity UpdateAutomation
        GetAutomations GetAutomationsByEntity GenericWebhookIntegrationsByEntity SlackIntegrationsByEntity
    """,
    "accounts without a name, which stay off": """
        CreateAnonymousApiKey
    """,
    "alerts": """
        NotifyScriptableRunAlert
    """,
}.items()}


def waits_for(name: str) -> str | None:
    """What an operation of this name waits for; None for one that is to work."""
    return next((what for what, names in WAITING.items() if name in names), None)
