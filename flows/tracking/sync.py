"""Synchronise a spool with MLflow, in rounds.

A round looks for new spool files, sends the new events of each to MLflow, and closes the runs that have ended. A round can be
repeated: points have the time at which they were measured, and MLflow stores equal points once; runs have a key and are
looked up before they are created. So a round that is killed or loses its connection at any point is simply repeated.
"""

import dataclasses
import json
import logging
import platform
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from components.errors import CeterisError
from components.evaluation.leaderboard.entries import read_leaderboard
from components.files.digests import digest_of_bytes
from components.paths import leaderboard_file
from components.tracking.spool import Event, SpoolRun, runs
from flows.tracking import curves, events, study_evidence, tracker_state
from flows.tracking.mlflow_store import MissingError, Point, RefusedError, Store
from flows.tracking.tracker_state import StageRun, StudyRun

EVENTS_AT_ONCE = 2000
STATUSES = {"finished": "FINISHED", "failed": "FAILED", "killed": "KILLED"}
_log = logging.getLogger(__name__)


class Synchroniser:
    """Copies the spool of one working folder to one MLflow store.

    Args:
        root: the working folder (the root of the clone, or a workspace).
        store: the MLflow store.
    """

    def __init__(self, root: Path, store: Store) -> None:
        self.root = root
        self.sidecar = root / ".ceteris"
        self.store = store
        self._experiments: dict[str, str] = {}
        self._children: dict[str, dict[str, str]] = {}
        self._known_store = False

    def round(self, study: StudyRun | None = None) -> int:
        """Do one round, and return the number of events that were delivered.

        Args:
            study: the study run that this process watches; it is recorded before MLflow is called.
        """
        with tracker_state.exclusive(self.sidecar):
            self.cursor = tracker_state.load(self.sidecar)
            if study is not None:
                self._note(study)
            spools = runs(self.sidecar / "spool")
            self._adopt(spools)
            try:
                self._check_store()
                delivered = sum(self._deliver(spool, spools) for spool in spools if self._open(spool))
                for open_study in sorted(self.cursor.studies.values(), key=lambda each: each.started):
                    if not open_study.done:
                        self._finish_unless_removed(open_study)
            except BaseException:
                self._children.clear()  # an answer may have been lost, so the runs must be looked up again
                raise
            finally:
                tracker_state.save(self.sidecar, self.cursor)
            return delivered

    # Assigning spool files to runs of the study.

    def _note(self, study: StudyRun) -> None:
        noted = self.cursor.studies.get(study.key)
        if noted is None:
            # A copy, because the other thread may set the end of the study while this round knows only some of its stages.
            self._begin(dataclasses.replace(study))
        elif (noted.status, noted.ended) != (study.status, study.ended):
            noted.status, noted.ended = study.status, study.ended
            tracker_state.save(self.sidecar, self.cursor)

    def _begin(self, study: StudyRun) -> None:
        """Record a study run, with its present parameters."""
        folder = self.sidecar / "studies"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{study.key}.json").write_text(
            json.dumps(study_evidence.study_parameters(self.root)), encoding="utf-8"
        )
        self.cursor.studies[study.key] = study
        tracker_state.save(self.sidecar, self.cursor)

    def _adopt(self, spools: list[SpoolRun]) -> None:
        for spool in spools:
            name = tracker_state.spool_name(spool)
            if name in self.cursor.stages:
                continue
            start = spool.begun()
            if start is None:
                continue
            study = self._study_at(start["time"])
            study.done = False
            tags = events.stage_tags(start)
            self.cursor.stages[name] = StageRun(study.key, start["time"], start["scratch_key"], tags=tags)
        tracker_state.save(self.sidecar, self.cursor)

    def _study_at(self, moment: float) -> StudyRun:
        """The watched study run during which a stage began; if there is none, one for stages that ran without the flow."""
        watched = [
            study
            for study in self.cursor.studies.values()
            if study.pid is not None and study.started <= moment <= (study.ended or moment)
        ]
        if watched:
            return max(watched, key=lambda study: study.started)
        for study in self.cursor.studies.values():
            if study.pid is None and study.status is None:
                return study
        study = StudyRun.begin(moment, [], tracked=False)
        self._begin(study)
        return study

    def _open(self, spool: SpoolRun) -> bool:
        stage = self.cursor.stages.get(tracker_state.spool_name(spool))
        return stage is not None and not stage.done

    # Runs in MLflow.

    def _check_store(self) -> None:
        """If the database was deleted or replaced, forget its runs, so that it is filled again from the spool files."""
        told = [study for study in self.cursor.studies.values() if study.run is not None]
        if (
            not self._known_store
            and told
            and not self.store.has_run(max(told, key=lambda each: each.started).run or "")
        ):
            _log.warning("MLflow at %s knows nothing of the earlier runs: telling it again.", self.store.tracking_uri)
            self.cursor.forget_runs()
        self._known_store = True

    def _parameters(self, study: StudyRun) -> dict[str, object]:
        return json.loads((self.sidecar / "studies" / f"{study.key}.json").read_text(encoding="utf-8"))

    def _experiment(self, study: StudyRun) -> str:
        name = str(self._parameters(study).get("name", "unnamed"))
        if name not in self._experiments:
            self._experiments[name] = self.store.experiment(name)
        return self._experiments[name]

    def _study_run(self, study: StudyRun) -> str:
        """The MLflow run of a study run; it is created on the first call."""
        if study.run is None:
            experiment, parameters = self._experiment(study), self._parameters(study)
            name = f"{self._folder_name(parameters)} {time.strftime('%Y-%m-%d %H:%M', time.localtime(study.started))}"
            study.run = self.store.keyed(experiment, study.key)
            if study.run is None:
                tags = {
                    "study": str(parameters.get("name", "")),
                    "params_digest": study_evidence.parameters_digest(parameters),
                    "folder": str(self.root),
                    "host": study.host,
                    "door": "flow" if study.pid is not None else "dvc repro",
                    "mlflow.source.name": "ceteris",
                }
                study.run = self.store.create(experiment, study.key, name, study.started, tags)
                self._children[study.run] = {}
            self._accept(self.store.parameters, study.run, parameters)
            tracker_state.save(self.sidecar, self.cursor)
        return study.run

    def _folder_name(self, parameters: dict[str, object]) -> str:
        return self.root.name if (self.root / "study.json").is_file() else str(parameters.get("name", self.root.name))

    def _child(self, study: StudyRun, key: str, name: str, started: float, tags: dict[str, str]) -> str:
        """A run below a study's run; it is created if there is none with this key."""
        parent, experiment = self._study_run(study), self._experiment(study)
        if parent not in self._children:
            self._children[parent] = self.store.keys(experiment, parent)
        if key not in self._children[parent]:
            digest = {"params_digest": study_evidence.parameters_digest(self._parameters(study))}
            own = {**tags, **digest, "mlflow.parentRunId": parent, "mlflow.source.name": "ceteris"}
            self._children[parent][key] = self.store.create(experiment, key, name, started, own)
        return self._children[parent][key]

    # Delivering one spool file.

    def _deliver(self, spool: SpoolRun, spools: list[SpoolRun]) -> int:
        name = tracker_state.spool_name(spool)
        stage = self.cursor.stages[name]
        study = self.cursor.studies[stage.parent]
        if stage.run is None:
            key = _key(self.root, name)
            chain = curves.continued(spool, spools)
            if chain and (before := self.cursor.stages.get(tracker_state.spool_name(chain[-1]))) and before.run:
                stage.tags["continues"] = before.run
            stage.run = self._child(study, key, spool.stage, stage.started, stage.tags)
            tracker_state.save(self.sidecar, self.cursor)
        delivered = 0
        while not stage.done:
            alive = spool.alive  # read before the last lines, so that lines written just before its end are not missed
            spool.offset = stage.offset
            new = [event for event in islice(spool.events(), EVENTS_AT_ONCE) if events.well_formed(event)]
            read = spool.offset > stage.offset
            try:
                self._tell(stage, stage.run, spool, spools, new)
            except MissingError:
                _log.warning("The MLflow run of %s was removed: what it did further is not shown.", name)
                stage.done = True
            except (KeyError, TypeError, ValueError) as error:
                _log.warning("Events of %s are left out, they are not what docs/formats.md says: %r", name, error)
            stage.offset = spool.offset
            delivered += len(new)
            if not read and not stage.done:
                if alive:
                    break
                self._end_stage(stage, stage.run, "KILLED", max(stage.started, spool.path.stat().st_mtime))
            tracker_state.save(self.sidecar, self.cursor)
        return delivered

    def _tell(self, stage: StageRun, run: str, spool: SpoolRun, spools: list[SpoolRun], new: list[Event]) -> None:
        points: list[Point] = []
        begun = list(stage.prefixes)
        for event in new:
            if event.get("event") == "metrics":
                if event["prefix"] not in begun:
                    begun.append(event["prefix"])
                    earlier = curves.curves(curves.continued(spool, spools)).get(event["prefix"], [])
                    before = curves.before(earlier, event["samples"])
                    points += [point for each in before for point in curves.points(each)]
                points += curves.points(event)
        self._accept(self.store.metrics, run, points)
        stage.prefixes = begun
        for event in new:
            match event.get("event"):
                case "parameters":
                    self._accept(self.store.parameters, run, event["values"])
                case "dataset":
                    values = (event["name"], event["digest"], event["samples"], event["context"])
                    self._accept(self.store.dataset, run, *values)
                case "artifact":
                    self._keep(run, self.root / event["path"])
                case "resumed":
                    self._accept(self.store.tags, run, {"resumed_at_samples": str(event["samples"])})
                case "trained":
                    name = f"cost/{event['prefix']}/loop_seconds"
                    self._accept(self.store.metrics, run, [Point(name, float(event["seconds"]), event["time"], 0)])
                case "end":
                    self._tell_end(stage, run, spool, spools, event)

    def _tell_end(self, stage: StageRun, run: str, spool: SpoolRun, spools: list[SpoolRun], event: Event) -> None:
        ended = stage.started + event["seconds"]
        last = [Point(f"cost/{name}", float(event[name]), ended, 0) for name in events.COSTS]
        if event["status"] == "finished":
            # This attempt did not train again what an earlier attempt had finished, so those curves are added.
            whole = curves.curves(curves.continued(spool, spools))
            last += [
                point
                for prefix, earlier in whole.items()
                if prefix not in stage.prefixes
                for each in earlier
                for point in curves.points(each)
            ]
        self._accept(self.store.metrics, run, last)
        if event["message"]:
            self._accept(self.store.tags, run, {"message": event["message"]})
        self._end_stage(stage, run, STATUSES.get(event["status"], "FAILED"), ended)

    def _end_stage(self, stage: StageRun, run: str, status: str, ended: float) -> None:
        self._accept(self.store.end, run, status, ended)
        stage.status, stage.done = status, True

    # Ending a run of the study.

    def _finish_unless_removed(self, study: StudyRun) -> None:
        try:
            self._finish_study(study)
        except MissingError:
            _log.warning("The MLflow run of a run of the study was removed: its end is not shown.")
            study.done = True

    def _finish_study(self, study: StudyRun) -> None:
        run = self._study_run(study)
        self._link_cached(study, study.cached)
        if study.abandoned:
            study.status, study.ended = "KILLED", self._last_sign(study)
        elif study.pid is None and study.status is None:
            study.status, study.ended = self._status_of(study), self._last_sign(study)
        if study.status is None:
            return
        lock = study_evidence.read_lock(self.root)
        self._tag_stages(study, lock)
        if study is max(self.cursor.studies.values(), key=lambda each: each.started):
            if study.status == "FINISHED":
                self._link_cached(study, list(lock))
                self._tell_scores(study, run)
            for path in study_evidence.KEPT:
                self._keep(run, self.root / path, missing_is_fine=True)
            if (self.root / study_evidence.DATA_DOCS).is_dir():
                self._accept(self.store.tags, run, {"data_docs": f"{self.root / study_evidence.DATA_DOCS}/index.html"})
        self._accept(self.store.end, run, study.status, study.ended or time.time())
        study.done = True

    def _tell_scores(self, study: StudyRun, run: str) -> None:
        """Log the leaderboard's estimates as metrics, so that MLflow can compare runs of studies by them."""
        path = leaderboard_file(self.root)
        if not path.is_file():
            return
        try:
            board = read_leaderboard(self.root)
            moment = study.ended or study.started
            points = [Point(name, value, moment, 0) for name, value in study_evidence.leaderboard_scores(board).items()]
            tags = {"grade": board.grade, "digests_equal": str(board.digests.equal).lower()}
        except CeterisError as error:
            _log.warning("the leaderboard is not shown in MLflow: %s", error)
            return
        self._accept(self.store.metrics, run, points)
        self._accept(self.store.tags, run, tags)

    def _status_of(self, study: StudyRun) -> str | None:
        """The status of a study run without the flow, from the last attempt of each stage; None while any stage runs."""
        last = {name.rpartition("/")[0]: stage for name, stage in self.cursor.stages_of(study).items()}
        statuses = {stage.status for stage in last.values()}
        if not all(stage.done for stage in last.values()):
            return None
        return next((status for status in ("KILLED", "FAILED") if status in statuses), "FINISHED")

    def _last_sign(self, study: StudyRun) -> float:
        files = [self.sidecar / "spool" / name for name in self.cursor.stages_of(study)]
        return max([study.started, *(path.stat().st_mtime for path in files if path.is_file())])

    def _tag_stages(self, study: StudyRun, lock: dict[str, dict]) -> None:
        for name, stage in self.cursor.stages_of(study).items():
            if stage.run is None or stage.status != "FINISHED" or stage.tagged:
                continue
            entry = lock.get(name.rpartition("/")[0])
            if entry is not None and stage.inputs in (None, study_evidence.inputs_digest(entry)):
                self._tell_lock_entry(stage, stage.run, entry)
            elif stage.inputs is not None:  # delivered again after a later run, to which the lock now belongs
                self._accept(self.store.tags, stage.run, {"inputs": stage.inputs})
            stage.tagged = True
            tracker_state.save(self.sidecar, self.cursor)

    def _tell_lock_entry(self, stage: StageRun, run: str, entry: dict) -> None:
        self._accept(self.store.tags, run, study_evidence.stage_tags(entry))
        self._accept(self.store.parameters, run, study_evidence.stage_parameters(entry))
        for title, digest in study_evidence.datasets(entry).items():
            self._accept(self.store.dataset, run, title, digest, None, "input")
        for path in study_evidence.records(self.root, entry):
            self._accept(self.store.tags, run, study_evidence.record_tags(path))
            self._keep(run, path)
        stage.inputs = study_evidence.inputs_digest(entry)

    def _link_cached(self, study: StudyRun, addresses: list[str]) -> None:
        """Create a run for each cached stage, with a link to the run that made its outputs."""
        ran = {name.rpartition("/")[0] for name in self.cursor.stages_of(study)}
        missing = [address for address in addresses if address not in ran and address not in study.linked]
        lock = study_evidence.read_lock(self.root) if missing else {}
        for address in missing:
            maker = self._maker(study, address, lock.get(address))
            tags = {"DVC_STAGE": address, "stage": address.partition("@")[0], "cached": "true"}
            if maker is not None:
                run, known = maker
                tags |= {key: value for key, value in known.items() if key in events.ARGUMENTS}
                note = (
                    f"Cached. Its outputs were made by [this run](#/experiments/{self._experiment(study)}/runs/{run})."
                )
                tags |= {"made_by": run, "mlflow.note.content": note}
            moment = study.started
            child = self._child(study, _key(self.root, f"{study.key}/{address}"), address, moment, tags)
            self._accept(self.store.end, child, "FINISHED", moment)
            study.linked.append(address)

    def _maker(self, study: StudyRun, address: str, entry: dict | None) -> tuple[str, dict[str, str]] | None:
        if entry is None:
            return None
        inputs = study_evidence.inputs_digest(entry)
        here = self.cursor.made(address, inputs)
        if here is not None and here.run is not None:
            return here.run, here.tags
        return self.store.maker(self._experiment(study), address, inputs)

    # Calls that log a refusal and go on, so that what MLflow refuses does not stop the rest.

    def _accept(self, tell: Callable[..., None], *arguments: object) -> None:
        try:
            tell(*arguments)
        except RefusedError as error:
            _log.warning("MLflow refuses something: %s", " ".join(str(error).split())[:500])

    def _keep(self, run: str, path: Path, missing_is_fine: bool = False) -> None:
        if not path.exists():
            if not missing_is_fine:
                _log.warning("%s was to be kept in MLflow, but is not there.", path)
            return
        try:
            self._accept(self.store.artifact, run, path)
        except (PermissionError, FileNotFoundError) as error:
            _log.warning("%s cannot be kept in MLflow: %s", path, error)


def _key(root: Path, name: str) -> str:
    """A key that is unique among all spool files on all machines."""
    return digest_of_bytes(f"{platform.node()}:{root.resolve()}:{name}".encode())[:32]
