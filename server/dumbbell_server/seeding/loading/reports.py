"""Reports and workspaces of a fixture, as rows."""

from __future__ import annotations

import hashlib
from typing import Any

from dumbbell_server.projects.tables import ProjectRow
from dumbbell_server.reports import queries
from dumbbell_server.reports.tables import ViewRow
from dumbbell_server.seeding.form.documents import Report
from dumbbell_server.seeding.form.reading import Read
from dumbbell_server.seeding.loading.runs import as_text
from dumbbell_server.seeding.loading.state import Loading


def load_report(loading: Loading, read: Read, project: ProjectRow, form: Report) -> None:
    """The report, made where the project has none of its type and name."""
    name = form.name or _name(form.title or "")
    if queries.by_name(loading.session, project.id, form.type, name) is not None:
        return
    spec = form.spec_json or as_text(form.spec if form.spec is not None else written(form.text or ""), "spec")
    created = loading.at(read, form.created or read.document.created) or ""
    loading.session.add(ViewRow(
        **loading.numbers.kept(ViewRow, form.row), project_id=project.id, type=form.type, name=name,
        user_id=loading.user(form.user) if form.user else project.user_id, display_name=form.title,
        description=form.description, spec=spec, created_at=created,
        updated_at=loading.at(read, form.updated) or created))
    loading.session.flush()
    loading.counts.reports += 1


def _name(title: str) -> str:
    return hashlib.sha256(title.encode()).hexdigest()[:12]


def written(text: str) -> dict[str, Any]:
    """A report of Markdown, in the form that the editor writes."""
    return {"version": 5, "panelSettings": {}, "blocks": [{"type": "markdown-block", "children": [{"text": ""}],
                                                           "content": text}], "width": "readable"}
