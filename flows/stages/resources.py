"""What the machine has, and slots that keep stage processes from using more of it than there is.

A slot is a file lock: it is shared by every workspace of a clone, and the kernel gives it back when its holder dies, whatever
killed it.
"""

import math
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock

from components.errors import CeterisError
from components.files.locks import try_lock


def cpu_cores() -> int:
    """Cores this process may use: its affinity, and the quota of its control group where there is one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        if quota != "max":
            cores = min(cores, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):
        return cores
    return max(1, cores)


def gpu_devices() -> list[str]:
    """GPUs this process may use, by the names CUDA_VISIBLE_DEVICES takes; found without importing torch."""
    if (visible := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [device.strip() for device in visible.split(",") if device.strip() not in ("", "-1", "NoDevFiles")]
    if (program := shutil.which("nvidia-smi")) is None:
        return []
    try:
        listed = subprocess.run(
            [program, "--list-gpus"], capture_output=True, text=True, timeout=120, check=True
        ).stdout
    except (subprocess.SubprocessError, OSError):
        return []
    return [str(index) for index, line in enumerate(filter(None, listed.splitlines())) if line.startswith("GPU ")]


def jobs(threads: int) -> int:
    """Stage processes at once: one per `threads` cores, or what CETERIS_JOBS says.

    Raises:
        CeterisError: CETERIS_JOBS is not a whole number from 1.
    """
    return _number("CETERIS_JOBS", "how many stages may run at once") or max(1, cpu_cores() // threads)


def stages_per_gpu() -> int:
    """Stage processes that share a GPU: one, or what CETERIS_STAGES_PER_GPU says. Small models leave most of one idle.

    Raises:
        CeterisError: CETERIS_STAGES_PER_GPU is not a whole number from 1.
    """
    return _number("CETERIS_STAGES_PER_GPU", "how many stages may share a GPU") or 1


def _number(variable: str, what: str) -> int | None:
    wanted = os.environ.get(variable, "")
    if not wanted:
        return None
    if not wanted.isdigit() or int(wanted) < 1:
        raise CeterisError(f"{variable} is {wanted!r}: set it to {what}, a number from 1.")
    return int(wanted)


@dataclass(frozen=True)
class Grant:
    """Slots that are held until `release`."""

    kind: str
    environment: dict[str, str] = field(default_factory=dict)
    locks: tuple[FileLock, ...] = ()

    def release(self) -> None:
        """Give the slots back."""
        for lock in self.locks:
            lock.release()


@dataclass(frozen=True)
class Slots:
    """The slots of a clone. Stages that ask for a GPU take CPU slots where there is none."""

    folder: Path
    cpu: int
    gpus: tuple[str, ...] = ()
    gpus_per_stage: int = 1

    @classmethod
    def of(cls, home: Path, threads: int = 1, accelerator: str = "auto", devices: int | str = "auto") -> "Slots":
        """The slots of the clone at `home` under a study's runtime settings; each stage sees only the GPUs it holds."""
        gpus = () if accelerator == "cpu" else tuple(gpu_devices())
        each = min(devices, len(gpus)) if isinstance(devices, int) and gpus else 1
        if each == 1:  # a stage on several GPUs has them to itself
            gpus *= stages_per_gpu()
        return cls(home / ".ceteris" / "slots", jobs(threads), gpus, each)

    @property
    def total(self) -> int:
        """The most stages that can run at once."""
        return self.cpu + len(self.gpus) // self.gpus_per_stage

    def acquire(self, kind: str) -> Grant | None:
        """Slots for one stage, or None while there are none."""
        if kind == "gpu" and self.gpus:
            held = self._take("gpu", len(self.gpus), self.gpus_per_stage)
            if held is None:
                return None
            visible = ",".join(self.gpus[index] for index, _ in held)
            return Grant("gpu", {"CUDA_VISIBLE_DEVICES": visible}, tuple(lock for _, lock in held))
        held = self._take("cpu", self.cpu, 1)
        return None if held is None else Grant("cpu", {}, tuple(lock for _, lock in held))

    def _take(self, kind: str, existing: int, wanted: int) -> list[tuple[int, FileLock]] | None:
        """All of what is wanted or nothing, so that two stages never wait for each other."""
        held: list[tuple[int, FileLock]] = []
        for index in range(existing):
            if (lock := try_lock(self.folder / f"{kind}-{index}")) is not None:
                held.append((index, lock))
                if len(held) == wanted:
                    return held
        for _, lock in held:
            lock.release()
        return None
