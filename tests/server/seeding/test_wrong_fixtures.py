"""Wrong fixtures: each refusal names file and line, says what would be right, and leaves nothing behind.

The JSON Schema refuses them too, where a schema can: what is only wrong beside something else, it cannot see.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from dumbbell_server.errors import BadInput
from dumbbell_server.seeding.form.documents import json_schema
from dumbbell_server.seeding.form.reading import Fixture, parse, read_fixture, shipped
from dumbbell_server.seeding.form.texts import Source
from dumbbell_server.seeding.load import load
from support.world import World

NAME = "small.dumbbell.yaml"
RIGHT = """\
created: 2026-01-05T10:00:00Z
users:
  - {name: local, first: true}
  - {name: robin, email: robin@example.com}
teams:
  - name: gym
    members: {robin: admin}
projects:
  - entity: gym
    name: one
    access: PRIVATE
    sweeps:
      - {name: s1, config: {method: grid, parameters: {x: {values: [1, 2]}}}}
    reports:
      - {title: About, text: Hello.}
    runs:
      - id: aaa
        state: finished
        tags: [a]
        config: {lr: 0.1}
        history: {rows: 3, keys: {loss: 1 / (step + 1)}}
        console: [hello]
        media: {picture: {type: image}}
        files: {a.txt: hello}
        sweep: s1
        uses: [{artifact: "gym/one/data:v0"}]
    artifacts:
      - name: data
        type: dataset
        tags: [raw]
        versions: [{aliases: [best], files: {x.txt: hello}}]
organizations:
  - {name: Guild, members: {robin: admin}}
registries:
  - organization: Guild
    name: models
    artifacts: [{name: chosen, type: dataset, links: [{version: "gym/one/data:v0"}]}]
"""


@dataclass(frozen=True)
class Wrong:
    old: str
    new: str
    line: int
    says: str
    schema: bool = True  # whether a schema can see it


WRONG = [
    # the text itself
    Wrong("users:\n", "users: [\n", 3, "this is not YAML", schema=False),
    Wrong("tags: [a]", "tags: *x", 19, "this is not YAML", schema=False),
    Wrong("tags: [a]", "tags: &x [a]\n        notes: *x", 19, "aliases", schema=False),
    Wrong("tags: [a]", "tags: !!set {a}", 19, "the tag", schema=False),
    Wrong("state: finished", "id: aaa", 18, "'id' is there twice", schema=False),
    Wrong("tags: [a]", "? [a]\n        : b", 19, "a key must be a text", schema=False),
    # shapes
    Wrong("entity: gym", "entty: gym", 9, "unknown key 'entty'; known here are"),
    Wrong("    name: one\n", "", 9, "'name' is missing"),
    Wrong("name: one", "name: 1", 10, "text, in quotes"),
    Wrong("users:\n", "user:\n", 2, "unknown key 'user'; known here are $schema, created, users"),
    Wrong("first: true", "first: yes", 3, "true or false is expected, not 'yes'"),
    Wrong("tags: [a]", "tags: a", 19, "a list is expected, not 'a'"),
    Wrong("config: {lr: 0.1}", "config: [lr]", 20, "a mapping (key: value) is expected, not a list"),
    Wrong("rows: 3", "rows: three", 21, "a whole number is expected, not 'three'"),
    Wrong("rows: 3", "rows: 3.5", 21, "a whole number is expected, not 3.5"),
    Wrong("rows: 3", "rows: 0", 21, "should be greater than or equal to 1"),
    Wrong("rows: 3", "rows: 3000000", 21, "should be less than or equal to 1000000"),
    Wrong("rows: 3, ", "", 21, "'rows' is missing"),
    Wrong("console: [hello]", "console: hello", 22, "a mapping (key: value) is expected, not 'hello'"),
    Wrong("{type: image}", "{type: photo}", 23, "type 'photo' is not known; it is one of 'image'"),
    Wrong("{type: image}", "{type: image, steps: 0}", 23, "greater than or equal to 1"),
    Wrong("files: {a.txt: hello}", "files: {a.txt: {txt: hello}}", 24, "unknown key 'txt'; known here are text, json"),
    Wrong("files: {a.txt: hello}", "files: {a.txt: {text: a, random: 5}}", 24, "give one of text", schema=False),
    Wrong("files: {a.txt: hello}", "files: {a.txt: {random: much}}", 24, "a whole number is expected, not 'much'",
          schema=False),
    Wrong("config: {lr: 0.1}", "config: {lr: 0.1}\n        config_json: '{}'", 17, "config or config_json, not both",
          schema=False),
    Wrong("config: {lr: 0.1}", "config_json: '[1]'", 20, "must be a JSON object, not list", schema=False),
    Wrong("config: {lr: 0.1}", "config_json: '{'", 20, "is not JSON", schema=False),
    Wrong("text: Hello.", "text: Hello., spec: {}", 15, "give one of text, spec, spec_json", schema=False),
    # names and words
    Wrong("created: 2026-01-05T10:00:00Z", "created: today", 1, "is no time; write 2026-01-05T10:00:00Z, -3d"),
    Wrong("created: 2026-01-05T10:00:00Z", "created: 2026-13-05", 1, "is no time", schema=False),
    Wrong("{name: robin,", "{name: ro/bin,", 4, "username 'ro/bin' is not allowed: use 1 to 128 letters", schema=False),
    Wrong("robin@example.com", "robin", 4, "'robin' is not an e-mail address"),
    Wrong("name: gym", "name: settings", 6, "no name of ours such as 'settings'", schema=False),
    Wrong("{robin: admin}\nprojects", "{robin: boss}\nprojects", 7, "'boss' is not known; it is one of 'admin'"),
    Wrong("members: {robin: admin}\nprojects", "members: {robin: member}\nprojects", 6, "one of the members must be",
          schema=False),
    Wrong("access: PRIVATE", "access: OPEN", 11, "access 'OPEN' is not known; it is one of ENTITY_READ"),
    Wrong("name: one", "name: one/two", 10, "project name 'one/two' is not allowed"),
    Wrong("- id: aaa", '- id: "a/a"', 17, "run id 'a/a' is not allowed"),
    Wrong("state: finished", "state: asleep", 18, "run state 'asleep' is not known; it is one of crashed"),
    Wrong("files: {a.txt: hello}", "files: {../a: hello}", 24, "file name '../a' is not allowed", schema=False),
    Wrong("files: {a.txt: hello}", "files: {/a: hello}", 24, "it is absolute", schema=False),
    Wrong("files: {a.txt: hello}", 'files: {"C:/a": hello}', 24, "on Windows it leads out", schema=False),
    Wrong("tags: [raw]", "tags: [raw/]", 30, "Invalid tag 'raw/'"),
    Wrong("aliases: [best]", 'aliases: ["a:b"]', 31, "alias 'a:b' is not allowed"),
    Wrong("- name: data", "- name: a/b", 28, "artifact name 'a/b' is not allowed"),
    Wrong('uses: [{artifact: "gym/one/data:v0"}]', "uses: [{artifact: data}]", 26, "should match pattern"),
    Wrong("name: s1,", "name: s/1,", 13, "should match pattern"),
    Wrong("notes: x", "notes: x", 0, ""),
    # one thing beside another
    Wrong("{name: robin, email: robin@example.com}", "{name: local}", 4, "name 'local' is there twice", schema=False),
    Wrong("  - {name: robin, email", "  - {name: other, first: true}\n  - {name: robin, email", 4,
          "only one user can be the first", schema=False),
    Wrong("{robin: admin}\nprojects", "{nobody: admin}\nprojects", 6, "user 'nobody' is neither in the fixture nor on",
          schema=False),
    Wrong("- entity: gym", "- entity: lab", 9, "entity 'lab' is neither in the fixture nor on the server",
          schema=False),
    Wrong("    runs:\n", "    runs:\n      - id: aaa\n", 18, "run 'aaa' is there twice: first in small", schema=False),
    Wrong("        sweep: s1", "        sweep: s2", 17, "sweep 's2' is neither in the fixture nor in", schema=False),
    Wrong('uses: [{artifact: "gym/one/data:v0"}]', 'uses: [{artifact: "gym/one/data:v9"}]', 26,
          "version 'gym/one/data:v9' is neither in the fixture nor", schema=False),
    Wrong("[{aliases: [best], files", "[{run: zzz, files", 31, "run 'zzz' is neither in the fixture nor", schema=False),
    Wrong("method: grid", "method: guess", 13, "the sweep config's method is 'guess'; it must be", schema=False),
    Wrong("1 / (step + 1)", "1 / step", 21, "no finite number at step 0", schema=False),
    Wrong("1 / (step + 1)", "import os", 21, "cannot be read; write one such as", schema=False),
    Wrong("history: {rows: 3, keys: {loss: 1 / (step + 1)}}", "history: {file: rows.csv}\n        notes: x", 24,
          "media are made for rows that are written out", schema=False),
    Wrong("files: {a.txt: hello}", "files: {a.txt: {file: nothing.txt}}", 24, "there is no file 'nothing.txt' beside",
          schema=False),
    Wrong("files: {a.txt: hello}", "files: {a.txt: {file: ../../etc/passwd}}", 24, "leads out of the fixture's folder",
          schema=False),
    Wrong("files: {a.txt: hello}", "files: {a.txt: {blob: 00}}", 24, "should match pattern"),
    Wrong("versions: [{aliases: [best], files: {x.txt: hello}}]", "versions: [{}, {index: 0}]", 31,
          "version 'data:v0' is there twice", schema=False),
    Wrong("{name: chosen, type: dataset", "{name: chosen, type: model", 37, "is of type 'dataset', and 'chosen' takes",
          schema=False),
    Wrong("- organization: Guild", "- organization: Other", 35, "organization 'Other' is neither in the fixture nor",
          schema=False),
]
WRONG = [wrong for wrong in WRONG if wrong.line]


def sizes(world: World) -> dict[str, int]:
    from support.ledger import read_tables  # noqa: PLC0415 - it wants every table known

    return {name: len(rows) for name, rows in read_tables(world).items()}


def test_there_are_sixty() -> None:
    assert len(WRONG) >= 60


@pytest.mark.parametrize("wrong", WRONG, ids=[f"{wrong.line}:{wrong.new[:40]}" for wrong in WRONG])
def test_a_wrong_fixture_names_its_line_and_leaves_nothing(world: World, tmp_path: Path, wrong: Wrong) -> None:
    assert wrong.old in RIGHT
    (tmp_path / NAME).write_text(RIGHT.replace(wrong.old, wrong.new, 1))
    before = sizes(world)
    with pytest.raises(BadInput) as caught:
        load(world.backend, read_fixture(tmp_path / NAME))
    assert str(caught.value).startswith(f"{NAME}:{wrong.line}: ")
    assert wrong.says in str(caught.value)
    assert sizes(world) == before
    assert not list((world.backend.settings.data_dir / "blobs").rglob("*/*/*"))


@pytest.mark.parametrize("wrong", [wrong for wrong in WRONG if wrong.schema],
                         ids=[f"{wrong.line}:{wrong.new[:40]}" for wrong in WRONG if wrong.schema])
def test_the_schema_refuses_it_too(wrong: Wrong) -> None:
    values = Source(NAME, RIGHT.replace(wrong.old, wrong.new, 1)).values()
    assert list(Draft202012Validator(json_schema()).iter_errors(values))


def test_what_is_right_is_loaded_and_the_schema_takes_it(world: World) -> None:
    assert not list(Draft202012Validator(json_schema()).iter_errors(Source(NAME, RIGHT).values()))
    counts = load(world.backend, Fixture((parse(RIGHT, NAME),)))
    assert (counts.runs, counts.artifacts, counts.links, counts.sweeps, counts.reports) == (1, 1, 1, 1, 1)


@pytest.mark.parametrize("name", [*shipped(), "complete"])
def test_the_schema_takes_what_is_shipped(name: str) -> None:
    validator = Draft202012Validator(json_schema())
    fixture = read_fixture(Path(__file__).parent / name if name == "complete" else name)
    for read in fixture.documents:
        assert not list(validator.iter_errors(read.source.values())), read.source.file


def test_a_folder_without_documents_and_one_that_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"there is no \*\.dumbbell\.yaml"):
        read_fixture(tmp_path)
    with pytest.raises(BadInput, match="neither a fixture that is shipped"):
        read_fixture(tmp_path / "nothing")


def test_two_files_may_not_both_describe_a_project(world: World, tmp_path: Path) -> None:
    for name, text in (("a", "description: one"), ("b", "description: two")):
        (tmp_path / f"{name}.dumbbell.yaml").write_text(
            f"projects:\n  - entity: local\n    name: p\n    {text}\n    runs: [{{id: {name}}}]\n")
    with pytest.raises(BadInput, match=r"^b\.dumbbell\.yaml:2: 'p' is described in a\.dumbbell\.yaml:2 already"):
        load(world.backend, read_fixture(tmp_path))
    (tmp_path / "b.dumbbell.yaml").write_text("projects: [{entity: local, name: p, runs: [{id: b}]}]\n")
    assert load(world.backend, read_fixture(tmp_path)).runs == 2
