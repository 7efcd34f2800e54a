"""How long `ceteris validate` and `ceteris study new` take for somebody's own data, and how much memory.

    python benchmarks/own_data.py [--against CHECKOUT] [--rounds 3]

Two sets of data: 50,000 questions about 300 pictures, and 15,000 pictures in 5,000 classes. With `--against`, the same
commands of another checkout of Ceteris are run in turn with ours, and the ratio of the medians is printed.
"""

import argparse
import csv
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
SIDE = 64


def write_questions(folder: Path, rows: int = 50_000, pictures: int = 300) -> str:
    """Questions of many words about few pictures; returns the task."""
    random = np.random.default_rng(1)
    words = [f"word{number}" for number in range(2000)]
    _pictures(folder, pictures)
    answers = ("yes", "no", "red", "green", "two")
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "question", "answer"])
        for row in range(rows):
            text = " ".join(random.choice(words, 8))
            writer.writerow([f"img/{row % pictures}.png", f"{text}?", answers[int(random.integers(5))]])
    return "vqa"


def write_classes(folder: Path, pictures: int = 15_000, classes: int = 5_000) -> str:
    """A few pictures of each of many classes; returns the task."""
    _pictures(folder, pictures)
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "label"])
        writer.writerows([f"img/{row}.png", f"class {row % classes}"] for row in range(pictures))
    return "classification"


def _pictures(folder: Path, count: int) -> None:
    (folder / "img").mkdir(parents=True)
    random = np.random.default_rng(0)
    for number in range(count):
        Image.fromarray(random.integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)).save(folder / f"img/{number}.png")


def measure(checkout: Path, arguments: list[str]) -> tuple[float, float]:
    """Seconds and peak memory in MB of one command of a checkout."""
    command = [sys.executable, "-m", "flows.cli", *arguments]
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    begun = time.perf_counter()
    process = subprocess.Popen(command, cwd=checkout, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    output, errors = process.communicate()
    seconds = time.perf_counter() - begun
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{output.decode()}{errors.decode()}")
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def run_once(checkout: Path, command: str, folder: Path, task: str) -> tuple[float, float]:
    """One command in a process of its own, so that its peak memory is its own."""
    arguments = ["validate", str(folder / "manifest.csv")]
    if command == "study new":
        arguments = ["study", "new", "--data", str(folder / "manifest.csv"), "--task", task, "benchmarked"]
    program = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]);"
        "from own_data import measure; print(*measure(Path(sys.argv[2]), sys.argv[3:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(Path(__file__).parent), str(checkout), *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    for made in (checkout / "studies/benchmarked.yaml", checkout / "data/benchmarked"):
        subprocess.run(["rm", "-rf", str(made)], check=True)
    seconds, memory = done.stdout.split()
    return float(seconds), float(memory)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, help="another checkout of Ceteris")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    checkouts = {"here": ROOT} | ({"there": arguments.against.resolve()} if arguments.against else {})
    print(f"{'data':40}{'command':12}" + "".join(f"{name + ' s':>20}{name + ' MB':>12}" for name in checkouts))
    with tempfile.TemporaryDirectory() as scratch:
        for name, write in (
            ("50,000 questions, 300 pictures", write_questions),
            ("15,000 pictures, 5,000 classes", write_classes),
        ):
            folder = Path(scratch, write.__name__)
            task = write(folder)
            for command in ("validate", "study new"):
                taken: dict[str, list[tuple[float, float]]] = {checkout: [] for checkout in checkouts}
                for _ in range(arguments.rounds):
                    for checkout, root in checkouts.items():
                        taken[checkout].append(run_once(root, command, folder, task))
                line = f"{name:40}{command:12}"
                for found in taken.values():
                    seconds = [each for each, _ in found]
                    spread = f"{statistics.median(seconds):.1f} ({min(seconds):.1f}-{max(seconds):.1f})"
                    line += f"{spread:>20}{max(memory for _, memory in found):>12.0f}"
                print(line, flush=True)


if __name__ == "__main__":
    main()
