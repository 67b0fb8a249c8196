"""The public names, apart from the package itself: to import them all takes a quarter of a second."""

from dumbbell._agent import agent
from dumbbell._login import login
from dumbbell._sweep import sweep
from dumbbell._version import __version__
from dumbbell.agents import Agent, AgentRuns
from dumbbell.api import Api
from dumbbell.artifacts import (
    Artifact,
    ArtifactCollection,
    ArtifactCollections,
    ArtifactFiles,
    ArtifactManifest,
    Artifacts,
    ArtifactType,
    ArtifactTypes,
    ArtifactVersions,
    ManifestEntry,
    ProjectArtifactCollections,
    ProjectArtifactTypes,
    RunArtifacts,
    Table,
)
from dumbbell.console import ConsoleLogLine, ConsoleLogs
from dumbbell.errors import (
    CommError,
    Error,
    IncompleteRunHistoryError,
    InvalidValueError,
    NotFoundError,
    RunNotFoundError,
    UnsupportedError,
    UsageError,
)
from dumbbell.exports import DownloadHistoryResult
from dumbbell.files import File, Files
from dumbbell.filters import QueryGenerator
from dumbbell.history import HistoryScan, SampledHistoryScan
from dumbbell.organizations import Organization
from dumbbell.projects import Project, Projects
from dumbbell.registries import Registries, Registry
from dumbbell.reports import BetaReport, Reports
from dumbbell.run import Run
from dumbbell.runs import Runs
from dumbbell.sweeps import Sweep, Sweeps
from dumbbell.users import Member, Team, User

__all__ = [
    "Agent", "AgentRuns", "Api", "Artifact", "ArtifactCollection", "ArtifactCollections", "ArtifactFiles",
    "ArtifactManifest", "ArtifactType", "ArtifactTypes", "ArtifactVersions", "Artifacts", "BetaReport", "CommError",
    "ConsoleLogLine", "ConsoleLogs", "DownloadHistoryResult", "Error", "File",
    "Files", "HistoryScan", "IncompleteRunHistoryError", "InvalidValueError", "ManifestEntry", "Member",
    "NotFoundError", "Organization", "Project", "ProjectArtifactCollections", "ProjectArtifactTypes", "Projects",
    "QueryGenerator", "Registries", "Registry", "Reports", "Run", "RunArtifacts", "RunNotFoundError", "Runs",
    "SampledHistoryScan", "Sweep", "Sweeps", "Table", "Team", "UnsupportedError", "UsageError",
    "User", "__version__", "agent", "login", "sweep",
]
