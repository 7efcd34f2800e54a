"""What a training process frees is there for its next tensor, without the kernel's help."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys, torch
from components.training.process import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
for _ in range(20):
    torch.ones(1 << 24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    torch.ones(1 << 24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks glibc")
def test_a_tensor_of_a_size_that_was_freed_needs_no_new_pages() -> None:
    faults = {}
    for how in ("returned", "kept"):
        done = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True)
        faults[how] = int(done.stdout)
    pages = 20 * (4 << 24) // 4096
    assert faults["kept"] < pages / 2
    assert faults["returned"] > 0.9 * pages
