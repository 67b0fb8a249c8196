"""States of a run, and how it gets from one to another."""

from __future__ import annotations

from dumbbell_server.errors import INVALID_STATE_TRANSITION, BadInput

RUNNING, PENDING, PREEMPTING, PREEMPTED = "running", "pending", "preempting", "preempted"
FINISHED, FAILED, CRASHED, KILLED = "finished", "failed", "crashed", "killed"

STATES = frozenset({RUNNING, PENDING, PREEMPTING, PREEMPTED, FINISHED, FAILED, CRASHED, KILLED})

LIVE_STATES = frozenset({RUNNING, PREEMPTING})
# A process that was silent too long may be heard of again; what said that it is done stays so until another starts.
ENDED_STATES = frozenset({FINISHED, FAILED, KILLED, PREEMPTED})
FAILED_STATES = frozenset({FAILED, CRASHED})

# Transitions that updateRunState allows (docs/protocol/behaviours.md#run-states): out of what goes on into an end, and
# back into the queue.
_ENDS = frozenset({FINISHED, FAILED, CRASHED, KILLED})
_ALLOWED = {
    PENDING: frozenset({RUNNING}) | _ENDS,
    RUNNING: frozenset({PENDING, PREEMPTED}) | _ENDS,
    PREEMPTING: frozenset({PENDING, PREEMPTED}) | _ENDS,
    PREEMPTED: frozenset({PENDING}) | _ENDS,
    FAILED: frozenset({PENDING}),
    CRASHED: frozenset({PENDING}),
    KILLED: frozenset({PENDING}),
    FINISHED: frozenset[str](),
}


def checked_state(state: str) -> str:
    if state not in STATES:
        raise BadInput(f"run state {state[:40]!r} is not known; it is one of {', '.join(sorted(STATES))}")
    return state


def check_transition(old: str, new: str) -> None:
    if checked_state(new) not in _ALLOWED[old]:
        may = ", ".join(sorted(_ALLOWED[old])) or "nothing"
        raise BadInput(f"{INVALID_STATE_TRANSITION}: from {old} to {new}; a {old} run can become {may}")


def after_completion(state: str, exitcode: int, *, stopped: bool) -> str:
    """The state of a run whose process said that it is done."""
    if exitcode == 0:
        return FINISHED
    if stopped:
        return KILLED
    return PREEMPTED if state == PREEMPTING else FAILED


def after_silence(state: str) -> str:
    """The state of a run that was not heard of for the heartbeat timeout."""
    return PREEMPTED if state == PREEMPTING else CRASHED
