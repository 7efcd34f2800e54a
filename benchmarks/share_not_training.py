"""The share of `make run` that is not training or prediction, read off a clone right after its first `make run`.

    1 - (CPU-seconds inside training and prediction loops) / (cores x wall-clock seconds after installation)

Wall-clock time runs from the end of the installation (the stamp in .venv) to the end of the run (its report); the loops'
CPU time is what the stages wrote to the sidecar.

    python benchmarks/share_not_training.py
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

CORES = 2


def main() -> None:
    begin = max(path.stat().st_mtime for path in Path(".venv").glob(".run-*"))
    end = max(Path(path).stat().st_mtime for path in (".ceteris/last_run.json", "outputs/report.html"))
    seconds: dict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
    for path in sorted(Path(".ceteris/spool").glob("*/*.jsonl")):
        events = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        if events[0]["time"] < begin:
            sys.exit("this clone has run before: measure a fresh one")
        group = seconds[path.parent.name.partition("@")[0]]
        group[0] += 1
        for event in events:
            if event["event"] == "end":
                group[1] += event["loop_cpu_seconds"]
                group[2] += event["cpu_seconds"]
    print(f"{'stage':24} {'processes':>9} {'loops, CPU s':>13} {'all, CPU s':>11}")
    for name, (count, loops, cpu) in seconds.items():
        print(f"{name:24} {count:9.0f} {loops:13.1f} {cpu:11.1f}")
    loops, wall = sum(group[1] for group in seconds.values()), end - begin
    print(f"wall {wall:.0f} s, loops {loops:.0f} CPU s, share not training {1 - loops / (CORES * wall):.3f}")


if __name__ == "__main__":
    main()
