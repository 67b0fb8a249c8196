"""Two users try to reach each other's things by any sequence of steps: a state machine, judged after each of them.

2,000 steps, always the same; `--access-steps=50000 --access-seed=1 --timeout=0` takes more and others (20 minutes).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlmodel import SQLModel

from support.inputs import fields_without_kind
from support.ledger import PLACES, Tables
from support.owned_resources import restore, tables
from support.two_users import MUTATIONS, TwoUsers, set_up
from support.world import World, open_world

ROUND = 50  # steps, after which all is as it was
SEEDS = 2**24 - 1  # of rounds; beyond that Hypothesis prefers small numbers
MOST_REFUSED = 5  # mutations that are never accepted, so that nothing was tried with them
CRAWLED = 10  # every so many rounds end with a look at everything

Prepared = tuple[World, Tables]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    with open_world(tmp_path_factory.mktemp("two"), background=False) as world:
        yield world, set_up(world)


class Restored:
    """The same start for every round."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rows = tables(world)
        self.blobs = {key: world.backend.blobs.load(key) for key in list(world.backend.blobs.keys())}

    def restore(self) -> None:
        restore(self.world, self.rows)
        for key in self.blobs.keys() - set(self.world.backend.blobs.keys()):
            self.world.backend.blobs.store(key, self.blobs[key])


def test_every_input_and_every_table_is_known() -> None:
    assert fields_without_kind() == []
    assert SQLModel.metadata.tables.keys() == PLACES.keys()


GRANTS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "nothing": [],
    "a seat": [("upsertOrganizationMember", {"organizationName": "ann-guild", "username": "eve", "role": "viewer"})],
    "a restricted role": [
        ("upsertOrganizationMember", {"organizationName": "ann-guild", "username": "eve", "role": "viewer"}),
        ("createProjectMembers", {"projectId": "$registry", "userIds": ["$eve"]}),
        ("updateProjectMember", {"projectId": "$registry", "userId": "$eve", "userProjectRole": "restricted_viewer"})],
    "a team": [("createInvite", {"entityName": "ann-team", "username": "eve", "role": "viewer"})],
    "an open project": [("upsertModel", {"entityName": "ann", "name": "vault", "access": "USER_READ"})],
}


@pytest.mark.parametrize("grant", GRANTS)
def test_what_is_shared_shows_nothing_else(grant: str, prepared: Prepared) -> None:
    world, there = prepared
    start = Restored(world)
    users = TwoUsers(world, there, lambda options: options[0])
    ann, eve = users.people
    own = users.crawl(eve)
    for name, given in GRANTS[grant]:
        users.send(ann, name, {key: users.named(value) for key, value in given.items()})
    assert (users.crawl(eve) > own) == bool(GRANTS[grant])
    assert bool(users.crawl(None)) == (grant == "an open project")
    start.restore()


def test_nobody_reaches_what_was_not_given_to_them(prepared: Prepared, request: pytest.FixtureRequest) -> None:
    wanted, seed = request.config.getoption("--access-steps"), request.config.getoption("--access-seed")
    world, there = prepared
    start = Restored(world)
    accepted: Counter[str] = Counter()
    found: Counter[str] = Counter()
    rounds: list[int] = []

    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            start.restore()
            rounds.append(0)
            self.random = Random()  # seeded before the first step
            self.judged = True  # the last step
            self.users = TwoUsers(world, there, self.random.choice)

        @initialize(number=st.integers(0, SEEDS))
        def begin(self, number: int) -> None:
            self.random.seed(number)

        @rule()
        def step(self) -> None:
            rounds[-1] += 1
            users = self.users
            self.judged = False
            self.random.choice([*[users.mutate] * 5, *[users.look] * 4, users.grant, users.stream, users.page])()
            self.judged = True

        def teardown(self) -> None:
            if not self.judged:
                return
            self.users.check_projects([*self.users.keys])
            if len(rounds) % CRAWLED == 0:
                for user in self.users.people:
                    found["crawled"] += self.users.crawl(user)
            accepted.update(self.users.accepted)
            found.update(self.users.found)

    machine = Machine if seed is None else hypothesis.seed(seed)(Machine)
    run_state_machine_as_test(machine, settings=settings(
        max_examples=-(-wanted // ROUND), stateful_step_count=ROUND + 1, derandomize=seed is None, database=None,
        deadline=None, suppress_health_check=[*HealthCheck], report_multiple_bugs=False,
        phases=[Phase.generate] if seed is None else [Phase.generate, Phase.shrink]))
    print(sum(rounds), "steps;", accepted, found)
    assert sum(rounds) >= wanted
    refused = {name for name in MUTATIONS if not accepted[name]}
    assert len(refused) <= MOST_REFUSED, refused
    assert min(found[name] for name in ("bytes", "page", "crawled")) > 0
    start.restore()
