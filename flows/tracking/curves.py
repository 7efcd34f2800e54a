"""Assemble learning curves from spool files, also across attempts that were killed and continued."""

from collections.abc import Iterable
from typing import Any

from components.tracking.spool import Event, SpoolRun
from flows.tracking.mlflow_store import Point


def points(event: Event) -> list[Point]:
    """The points of one metrics event."""
    prefix = f"{event['prefix']}/" if event["prefix"] else ""
    values: dict[str, Any] = event["values"]
    return [Point(prefix + name, float(value), event["time"], event["samples"]) for name, value in values.items()]


def continued(attempt: SpoolRun, attempts: Iterable[SpoolRun]) -> list[SpoolRun]:
    """The earlier attempts that this one continues, the oldest first.

    An attempt continues the one before it if all of these hold:

    * both have the same scratch key;
    * it has a scratch key, or it says that it resumed;
    * the earlier one did not finish, because a finished stage leaves nothing to continue.
    """
    earlier = [other for other in attempts if other.stage == attempt.stage and other.path.name < attempt.path.name]
    chain: list[SpoolRun] = []
    key, resumed, _ = _outline(attempt)
    for other in sorted(earlier, key=lambda run: run.path.name, reverse=True):
        other_key, other_resumed, finished = _outline(other)
        if finished or other_key != key or not (key or resumed):
            break
        chain.insert(0, other)
        resumed = other_resumed
    return chain


def curves(chain: Iterable[SpoolRun]) -> dict[str, list[Event]]:
    """The metrics events of attempts that continue each other, by prefix, without points that a later attempt repeats."""
    result: dict[str, list[Event]] = {}
    for attempt in chain:
        begun: set[str] = set()
        for event in SpoolRun(attempt.stage, attempt.path).events():
            if event.get("event") != "metrics":
                continue
            prefix = event["prefix"]
            if prefix not in begun:
                begun.add(prefix)
                result[prefix] = before(result.get(prefix, []), event["samples"])
            result[prefix].append(event)
    return result


def before(events: Iterable[Event], samples: int) -> list[Event]:
    """The part of a curve before a number of samples."""
    return [event for event in events if event["samples"] < samples]


def _outline(attempt: SpoolRun) -> tuple[str, bool, bool]:
    """The scratch key of an attempt, whether it resumed, and whether it finished."""
    key, resumed, finished = "", False, False
    for event in SpoolRun(attempt.stage, attempt.path).events():
        kind = event.get("event")
        if kind == "start":
            key = event.get("scratch_key", "")
        resumed |= kind == "resumed"
        finished |= kind == "end" and event["status"] == "finished"
    return key, resumed, finished
