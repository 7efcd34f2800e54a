"""A whole pretraining step of our arms against the Hugging Face classes, at base size.

Embedding, layers, heads, losses, backward pass, clipping and AdamW, on the same batch, taking turns in one process.
Prints, for each pair, milliseconds a step (median and range), the ratio of theirs to ours, turn by turn (median and
range: above 1, ours is faster), FLOPs of a step as torch counts them, and the share of the machine's matrix-product
peak that is reached. On a CPU it runs in single precision with one thread; on a GPU in bf16 with a larger batch.

    python benchmarks/pretraining_step.py [--device cuda] [--visual 400] [--pairs visualbert,vilt]
"""

import argparse
import gc
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from pretraining_pairs import PAIRS, Pair, Shape
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from components.training.process import keep_freed_memory

CLIP, LEARNING_RATE, WEIGHT_DECAY = 1.0, 1e-4, 0.01
MATRIX = {"cpu": 2048, "cuda": 8192}
"""Side of the square matrices whose product stands for the machine's peak."""

WARMUP = {"cpu": 1, "cuda": 3}
"""Steps before the first turn: they make the optimiser's moments, and on a GPU choose kernels and fill the allocator."""


@dataclass(frozen=True)
class Machine:
    """Where the benchmark runs, and how."""

    device: torch.device
    threads: int = 1

    @property
    def dtype(self) -> torch.dtype:
        """What matrix products are computed in."""
        return torch.bfloat16 if self.device.type == "cuda" else torch.float32

    def precision(self) -> AbstractContextManager[Any]:
        """Autocast where the machine has fast bf16."""
        return torch.autocast("cuda", dtype=torch.bfloat16) if self.device.type == "cuda" else nullcontext()

    def seconds(self, work: Callable[[], object]) -> float:
        """How long it takes, all kernels finished; on one CPU thread the processor's time, which other load disturbs less."""
        clock = time.process_time if self.device.type == "cpu" and self.threads == 1 else time.perf_counter
        self.wait()
        begin = clock()
        work()
        self.wait()
        return clock() - begin

    def wait(self) -> None:
        """Until the device has nothing left to do."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def peak(self, repeats: int = 5) -> float:
        """FLOP/s of the fastest of a few large matrix products."""
        side = MATRIX[self.device.type]
        a, b = (torch.randn(side, side, device=self.device, dtype=self.dtype) for _ in range(2))
        out = torch.mm(a, b)
        return 2 * side**3 / min(self.seconds(lambda: torch.mm(a, b, out=out)) for _ in range(repeats))


class Side:
    """One side of a pair: a module, its inputs and its optimiser."""

    def __init__(self, module: nn.Module, inputs: tuple[Any, ...], machine: Machine) -> None:
        self.machine = machine
        self.module = module.to(machine.device).train()
        self.inputs = moved(inputs, machine.device)
        trained = list(module.parameters())
        groups = [
            {"params": [one for one in trained if one.ndim > 1], "weight_decay": WEIGHT_DECAY},
            {"params": [one for one in trained if one.ndim <= 1], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=(0.9, 0.98), fused=True)
        self.parameters = sum(one.numel() for one in trained)

    def backward(self) -> None:
        """Forward and backward pass."""
        with self.machine.precision():
            loss = self.module(*self.inputs)
        loss.backward()

    def step(self) -> None:
        """One training step, the same code for both sides."""
        self.backward()
        nn.utils.clip_grad_norm_(self.module.parameters(), CLIP)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def flops(self) -> int:
        """Of one forward and backward pass.

        Torch counts no fused attention on a CPU, and on a GPU what the fused backward pass computes twice: so it is
        counted with attention spelt out, which both sides then share.
        """
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            self.backward()
        self.optimizer.zero_grad(set_to_none=True)
        return counter.get_total_flops()

    def peak_memory(self) -> int:
        """Bytes at the height of a step: weights, moments, gradients and activations, without those of the other side."""
        held = [*self.module.parameters(), *self.module.buffers()]
        held += [one for state in self.optimizer.state.values() for one in state.values() if one.is_cuda]
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        self.step()
        torch.cuda.synchronize()
        return sum(one.nbytes for one in held) + torch.cuda.max_memory_allocated() - before


def moved(value: Any, device: torch.device) -> Any:
    """Tensors in tuples, lists and dictionaries, on the device."""
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {name: moved(one, device) for name, one in value.items()}
    return type(value)(moved(one, device) for one in value)


def measure(name: str, pair: Pair, machine: Machine, rounds: int) -> None:
    """Let both sides take turns, and print what came out."""
    sides = {
        "ours": Side(pair.ours, pair.our_inputs, machine),
        "theirs": Side(pair.theirs, pair.their_inputs, machine),
    }
    flops = {key: side.flops() for key, side in sides.items()}
    for side in sides.values():
        for _ in range(WARMUP[machine.device.type]):
            side.step()
    peak = machine.peak()
    times: dict[str, list[float]] = {key: [] for key in sides}
    for _ in range(rounds):
        for key, side in sides.items():
            times[key].append(machine.seconds(side.step))
    peak = max(peak, machine.peak())
    print(f"\n{name}: {pair.note}; {pair.tokens} tokens")
    for key, side in sides.items():
        middle = statistics.median(times[key])
        line = f"  {key:7} {spread(times[key], 1e3, 1)} ms  {flops[key] / 1e9:9.1f} GFLOP  "
        line += f"{flops[key] / middle / peak:6.1%} of peak  {side.parameters / 1e6:6.1f} M parameters"
        if machine.device.type == "cuda":
            line += f"  {side.peak_memory() / 2**30:6.2f} GiB"
        print(line)
    ratios = [theirs / ours for ours, theirs in zip(times["ours"], times["theirs"], strict=True)]
    print(f"  theirs / ours: time {spread(ratios, 1, 2)}, FLOPs {flops['theirs'] / flops['ours']:.2f}", flush=True)


def spread(values: list[float], scale: float, digits: int) -> str:
    """Median and range."""
    middle, low, high = (scale * one for one in (statistics.median(values), min(values), max(values)))
    return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, help="default: 2 on a CPU, 64 on a GPU")
    parser.add_argument("--text", type=int, default=40, help="tokens of the longest text")
    parser.add_argument("--visual", type=int, default=160, help="regions or patches")
    parser.add_argument(
        "--dropout", type=float, default=0.1, help="0.1 is BERT's and the Hugging Face classes' default"
    )
    parser.add_argument("--rounds", type=int, help="default: 5 on a CPU, 20 on a GPU")
    parser.add_argument("--pairs", default=",".join(PAIRS), help="separated by commas")
    parser.add_argument("--deterministic", action="store_true", help="as stages run: deterministic kernels")
    arguments = parser.parse_args()
    on_gpu = arguments.device == "cuda"
    batch, rounds = arguments.batch or (64 if on_gpu else 2), arguments.rounds or (20 if on_gpu else 5)
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()  # for both sides, as training processes do
    if arguments.deterministic:
        torch.use_deterministic_algorithms(True, warn_only=True)
    transformers.logging.set_verbosity_error()
    machine = Machine(torch.device(arguments.device), arguments.threads)
    shape = Shape(batch=batch, text=arguments.text, visual=arguments.visual, dropout=arguments.dropout)
    where = torch.cuda.get_device_name() if on_gpu else f"CPU, {arguments.threads} thread(s)"
    print(
        f"{where}; torch {torch.__version__}, transformers {transformers.__version__}; {machine.dtype}; "
        f"batch {batch}, texts of {shape.text // 4} to {shape.text} tokens padded to the longest, dropout {shape.dropout}; "
        f"median and range of {rounds} turns; peak {machine.peak() / 1e9:.0f} GFLOP/s"
    )
    for name in arguments.pairs.split(","):
        torch.manual_seed(0)
        pair = PAIRS[name](shape)
        measure(name, pair, machine, rounds)
        del pair
        gc.collect()
        if on_gpu:
            torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
