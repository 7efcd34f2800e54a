"""The share of `make run` that is not training or prediction.

    1 - (CPU-seconds inside training and prediction loops) / (cores x wall-clock seconds after installation)

Runs `make run` and reads what the stages wrote to the sidecar meanwhile. Run it in a clone that is installed but has no
outputs yet:  python benchmarks/share_not_training.py
"""

import json
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

CORES = 2


def main() -> None:
    root = Path.cwd()
    begin = time.time()
    subprocess.run(["make", "run"], check=True)
    wall = time.time() - begin
    seconds: dict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
    for path in sorted((root / ".ceteris/spool").glob("*/*.jsonl")):
        if path.stat().st_mtime < begin:
            continue
        end = [event for event in map(json.loads, path.read_text().splitlines()) if event["event"] == "end"]
        group = seconds[path.parent.name.partition("@")[0]]
        group[0] += 1
        group[1] += sum(event["loop_cpu_seconds"] for event in end)
        group[2] += sum(event["cpu_seconds"] for event in end)
    print(f"{'stage':24} {'processes':>9} {'loops, CPU s':>13} {'all, CPU s':>11}")
    for name, (count, loops, cpu) in seconds.items():
        print(f"{name:24} {count:9.0f} {loops:13.1f} {cpu:11.1f}")
    loops = sum(group[1] for group in seconds.values())
    print(f"wall {wall:.0f} s, loops {loops:.0f} CPU s, share not training {1 - loops / (CORES * wall):.3f}")


if __name__ == "__main__":
    sys.exit(main())
