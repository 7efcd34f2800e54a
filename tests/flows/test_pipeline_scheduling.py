"""The order of work and the slots, without DVC and Prefect."""

import io
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from components.errors import CeterisError
from components.files.locks import is_locked, only_one
from flows.graph.durations import Durations
from flows.graph.dvc_graph import Plan, Stage
from flows.graph.walker import Done, Result, Walker, priorities
from flows.stages import display, resources
from flows.stages.display import LiveDisplay, Tally, clock
from flows.stages.resources import Grant, Slots


class Fake:
    """Executes stages in threads and notes when; those in `bad` fail."""

    def __init__(self, bad: frozenset[str] = frozenset(), seconds: float = 0.0) -> None:
        self.bad, self.seconds = bad, seconds
        self.begun: list[str] = []
        self.skipped: dict[str, Result] = {}
        self.now = self.most = 0
        self.kinds: dict[str, Grant] = {}
        self._lock = threading.Lock()

    def run(self, stage: Stage, grant: Grant, done: Done) -> None:
        def work() -> None:
            time.sleep(self.seconds)
            with self._lock:
                self.now -= 1
            done(Result("failed", "broken") if stage.address in self.bad else Result("ran"))

        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        self.begun.append(stage.address)
        self.kinds[stage.address] = grant
        threading.Thread(target=work).start()

    def skip(self, stage: Stage, result: Result, done: Done) -> None:
        self.skipped[stage.address] = result
        done(result)

    def tick(self) -> None:
        assert self.now <= 8

    def end(self) -> None:
        while self.now:
            time.sleep(0.01)


def plan_of(*stages: Stage, stale: set[str] | None = None) -> Plan:
    everything = {stage.address: stage for stage in stages}
    return Plan(everything, frozenset(everything if stale is None else stale))


@st.composite
def graphs(draw: st.DrawFn) -> Plan:
    count = draw(st.integers(1, 8))
    stages, stale = [], set()
    for index in range(count):
        upstream = draw(st.sets(st.integers(0, index - 1), max_size=3)) if index else set()
        names = tuple(f"s{number}" for number in sorted(upstream))
        stages.append(Stage(f"s{index}", names, slot=draw(st.sampled_from(["cpu", "gpu"]))))
        if stale & set(names) or draw(st.booleans()):
            stale.add(f"s{index}")
    return plan_of(*stages, stale=stale)


@settings(max_examples=40, deadline=None)
@given(plan=graphs(), bad=st.sets(st.integers(0, 7)), jobs=st.integers(1, 3))
def test_every_stage_is_settled_once_and_after_what_it_needs(
    tmp_path_factory: pytest.TempPathFactory, plan: Plan, bad: set[int], jobs: int
) -> None:
    fake = Fake(frozenset(f"s{number}" for number in bad))
    slots = Slots(tmp_path_factory.mktemp("slots"), jobs)
    results = Walker(plan, slots, fake, dict.fromkeys(plan.stages, 1.0), pause=0.01).walk()
    assert set(results) == set(plan.stages)
    assert len(fake.begun) == len(set(fake.begun))
    for address, result in results.items():
        above = [results[upstream] for upstream in plan.stages[address].upstream]
        if not all(other.good for other in above):
            assert result.state == "skipped"
            causes = result.message.removeprefix("not run because of ").split(", ")
            assert causes
            assert all(results[cause].state == "failed" for cause in causes)
        elif address not in plan.stale:
            assert result.state == "cached"
        else:
            assert result.state == ("failed" if address in fake.bad else "ran")
    for address in fake.begun:
        needed = [upstream for upstream in plan.stages[address].upstream if upstream in plan.stale]
        assert all(fake.begun.index(upstream) < fake.begun.index(address) for upstream in needed)
    assert fake.most <= jobs
    assert all(not is_locked(file) for file in slots.folder.glob("*"))


def test_long_chains_start_first(tmp_path: Path) -> None:
    long = [Stage("a"), Stage("b", ("a",)), Stage("c", ("b",))]
    plan = plan_of(Stage("x"), Stage("y"), *long, Stage("end", ("x", "y", "c")))
    seconds = {"x": 10.0, "y": 1.0, "a": 5.0, "b": 5.0, "c": 5.0, "end": 1.0}
    assert priorities(plan, seconds) == {"x": 11.0, "y": 2.0, "a": 16.0, "b": 11.0, "c": 6.0, "end": 1.0}
    fake = Fake()
    Walker(plan, Slots(tmp_path, 1), fake, seconds, pause=0.01).walk()
    assert fake.begun == ["a", "x", "b", "c", "y", "end"]


def test_an_exception_in_the_walk_ends_what_runs_before_slots_are_given_back(tmp_path: Path) -> None:
    slots, fake = Slots(tmp_path, 1), Fake(seconds=0.5)
    ended_with: list[Grant | None] = []

    def interrupted() -> None:
        if fake.begun:
            raise KeyboardInterrupt

    end = fake.end
    fake.tick = interrupted  # type: ignore[method-assign]
    fake.end = lambda: (end(), ended_with.append(slots.acquire("cpu")))[0]  # type: ignore[method-assign,func-returns-value]
    walker = Walker(plan_of(Stage("a"), Stage("b")), slots, fake, {"a": 2.0, "b": 1.0}, pause=0.01)
    with pytest.raises(KeyboardInterrupt):
        walker.walk()
    assert (fake.begun, fake.now, ended_with) == (["a"], 0, [None])
    assert slots.acquire("cpu") is not None


def test_gpu_stages_see_only_the_devices_they_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5,7")
    monkeypatch.setenv("CETERIS_JOBS", "1")
    slots = Slots.of(tmp_path, devices=2)
    assert (slots.gpus, slots.gpus_per_stage, slots.total) == (("3", "5", "7"), 2, 2)
    first, second = slots.acquire("gpu"), slots.acquire("gpu")
    assert first is not None
    assert first.environment == {"CUDA_VISIBLE_DEVICES": "3,5"}
    assert second is None  # one device is left, and two are wanted
    cpu = slots.acquire("cpu")
    assert cpu is not None
    assert slots.acquire("cpu") is None
    first.release()
    assert slots.acquire("gpu") is not None
    assert Slots.of(tmp_path, accelerator="cpu").gpus == ()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert resources.gpu_devices() == []


def test_small_stages_may_share_gpus_and_spread_over_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    monkeypatch.setenv("CETERIS_STAGES_PER_GPU", "2")
    slots = Slots.of(tmp_path)
    grants = [slots.acquire("gpu") for _ in range(5)]
    seen = [grant and grant.environment["CUDA_VISIBLE_DEVICES"] for grant in grants]
    assert seen == ["3", "5", "3", "5", None]
    assert Slots.of(tmp_path, devices=2).gpus == ("3", "5")  # a stage on both has them to itself
    monkeypatch.setenv("CETERIS_STAGES_PER_GPU", "0")
    with pytest.raises(CeterisError, match="CETERIS_STAGES_PER_GPU is '0'"):
        Slots.of(tmp_path)


def test_slots_are_shared_by_processes_and_come_back_when_their_holder_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from flows.stages.resources import Slots;"
        "grant = Slots(Path(sys.argv[1]), 2).acquire('cpu'); print('held', flush=True); time.sleep(3600)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    slots = Slots(tmp_path, 2)
    mine = slots.acquire("gpu")  # there is no GPU, so it takes a CPU slot
    assert mine is not None
    assert slots.acquire("cpu") is None
    other.kill()
    other.wait()
    assert slots.acquire("cpu") is not None


@pytest.mark.parametrize("value", ["0", "two", "-1"])
def test_a_wrong_number_of_jobs_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("CETERIS_JOBS", value)
    with pytest.raises(CeterisError, match="CETERIS_JOBS"):
        resources.jobs(1)


def test_only_one_holder_and_its_pid_in_the_refusal(tmp_path: Path) -> None:
    lock = tmp_path / "sub" / "run.lock"
    with only_one(lock, "taken by {pid}"):
        assert is_locked(lock)
        with pytest.raises(CeterisError, match=r"taken by \d+$"), only_one(lock, "taken by {pid}"):
            pass
    assert not is_locked(lock)


@pytest.fixture
def clock_stands(monkeypatch: pytest.MonkeyPatch) -> float:
    """The time by which the display reckons, which does not go on."""
    now = time.monotonic()
    monkeypatch.setattr(display, "time", SimpleNamespace(monotonic=lambda: now))
    return now


def test_time_left_is_the_longer_of_the_chain_and_the_work(tmp_path: Path, clock_stands: float) -> None:
    plan = plan_of(Stage("p@0"), Stage("p@1"), Stage("q", ("p@0", "p@1")), stale={"p@0", "p@1", "q"})
    durations = Durations(tmp_path)
    tally = Tally(plan, lambda: durations.estimate(plan), slots=2)
    assert tally.remaining() is None
    assert durations.ranking(plan) == {"p@0": 5.0, "p@1": 5.0, "q": 5.0}
    durations.record("p@0", 40.0)
    durations.record("q", 10.0)
    again = Durations(tmp_path)
    assert again.estimate(plan) == {"p@0": 40.0, "p@1": 40.0, "q": 10.0}
    assert tally.remaining() == 50.0
    tally.slots = 1
    assert tally.remaining() == 90.0
    tally.settled["p@0"] = Result("ran")
    tally.running["p@1"] = (clock_stands - 30.0, 75.0, "")
    assert tally.remaining() == pytest.approx(20.0)
    assert (clock(61), clock(3723)) == ("1:01", "1:02:03")


def test_a_matrix_never_timed_is_thought_to_take_as_long_as_the_slowest_of_its_slot(tmp_path: Path) -> None:
    slots = {
        "tune@a": "gpu",
        "tune@b": "gpu",
        "pretrain@a": "gpu",
        "finetune@a": "gpu",
        "check": "cpu",
        "compare": "cpu",
    }
    plan = plan_of(*(Stage(address, slot=slot) for address, slot in slots.items()), stale=set(slots))
    durations = Durations(tmp_path)
    for address, seconds in {"tune@a": 4.0, "pretrain@a": 50.0, "check": 3.0}.items():
        durations.record(address, seconds)
    assert durations.estimate(plan) == {
        "tune@a": 4.0,
        "tune@b": 4.0,
        "pretrain@a": 50.0,
        "finetune@a": 50.0,
        "check": 3.0,
        "compare": 3.0,
    }


@pytest.mark.usefixtures("clock_stands")
def test_the_live_table_shows_what_runs_and_keeps_what_failed() -> None:
    screen = io.StringIO()
    live = LiveDisplay(Console(file=screen, force_terminal=True, width=100))
    live.start(plan_of(Stage("a"), Stage("b"), Stage("c", ("b",))), lambda: {"a": 60.0, "b": 60.0, "c": 60.0}, 2)
    for stage in ("a", "b"):
        live.started(stage)
    live.progress("a", 25.0, "step 3/12 [bold]")
    assert live._live is not None
    live._live.refresh()  # it does so by itself, four times a second
    live.settled("b", Result("failed", "row 3 has no text"))
    live.settled("c", Result("skipped", "not run because of b"))
    live.settled("a", Result("ran"))
    live.end()
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.getvalue())
    assert re.search(r"a +\S+ +25% +0:00 +step 3/12 \[bold\]", text)
    assert re.search(r"about 2:00 left", text)
    assert "failed b: row 3 has no text" in text
    assert "done a 0:00" in text
    assert re.search(r"all stages +\S+ +3/3 +0:00", text.splitlines()[-1])
