"""Check the events of spool files, and derive the tags of a run from its start event."""

import logging

from components.tracking.spool import Event

ARGUMENTS = frozenset({"arm", "task", "replicate", "front"})
COSTS = ("seconds", "loop_cpu_seconds", "cpu_seconds", "peak_memory_bytes")
_FIELDS = {
    "parameters": frozenset({"values"}),
    "dataset": frozenset({"name", "digest", "samples", "context"}),
    "metrics": frozenset({"time", "prefix", "samples", "values"}),
    "resumed": frozenset({"samples"}),
    "trained": frozenset({"time", "prefix", "steps", "seconds"}),
    "artifact": frozenset({"path"}),
    "end": frozenset({"status", *COSTS, "message"}),
}
_log = logging.getLogger(__name__)


def well_formed(event: Event) -> bool:
    """Whether an event has the fields that docs/formats.md lists. If not, a warning is logged and the caller skips it."""
    fields = _FIELDS.get(event.get("event", ""), frozenset())
    if missing := fields - set(event):
        _log.warning("An event without %s is left out: %s", ", ".join(sorted(missing)), str(event)[:200])
    return not missing


def stage_tags(start: Event) -> dict[str, str]:
    """The tags of a stage's run, from its start event: its arguments, host, process and commit."""
    arguments = {key: str(value) for key, value in start["arguments"].items() if isinstance(value, str | int)}
    return arguments | {
        "stage": start["stage"].partition("@")[0],
        "DVC_STAGE": start["stage"],
        "host": start["host"],
        "pid": str(start["pid"]),
        "scratch_key": start["scratch_key"],
        "mlflow.source.git.commit": start["commit"],
    }
