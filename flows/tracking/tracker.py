"""The tracker: copies the spool of running stages to MLflow in the background, without ever delaying a stage.

Stages append to files, and the tracker reads them. So a slow or missing MLflow delays only what is shown. Events that were
not delivered when this process ends are delivered by the next tracker, or by `sync`.
"""

import logging
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from components.errors import CeterisError
from flows.tracking.mlflow_store import Store
from flows.tracking.sync import STATUSES, Synchroniser
from flows.tracking.tracker_state import StudyRun

SECONDS_BETWEEN_ROUNDS = 3.0
LONGEST_PAUSE = 30.0
PAUSES_OF_SYNC = (0.0, 1.0, 2.0)
_log = logging.getLogger(__name__)


class Tracker:
    """Tracks one run of a study in a background thread.

    Args:
        root: the working folder whose spool is read.
        tracking_uri: `sqlite:///FILE` or the address of a server.
        cached: addresses of the stages that need not run; each gets a link to the run that made its outputs.
    """

    def __init__(self, root: Path, tracking_uri: str, cached: Iterable[str] = ()) -> None:
        self.root = root
        self.tracking_uri = tracking_uri
        self._cached = sorted(cached)
        self._study: StudyRun | None = None
        self._stop = threading.Event()
        self._delivered = threading.Event()
        self._deadline = float("inf")
        self._thread = threading.Thread(target=self._watch, name="tracker", daemon=True)

    def start(self) -> None:
        """Start the background thread, and return at once. Call it before the first stage starts."""
        self._study = StudyRun.begin(time.time(), self._cached, tracked=True)
        self._thread.start()

    def finish(self, status: str, patience: float = 180.0) -> bool:
        """Record how the run ended, and deliver the remaining events.

        Args:
            status: 'finished', 'failed' or 'killed'.
            patience: the longest time to wait for MLflow, in seconds.

        Returns:
            Whether everything was delivered; if not, nothing is lost and `sync` delivers it later.
        """
        if self._study is None:
            raise RuntimeError("finish was called before start")
        self._deadline = time.monotonic() + patience
        self._study.ended = time.time()
        self._study.status = STATUSES[status]
        self._stop.set()
        self._thread.join(patience + 5.0)
        if not self._delivered.is_set():
            _log.warning(
                "MLflow at %s did not take everything yet: `ceteris sync` delivers the rest.", self.tracking_uri
            )
        return self._delivered.is_set()

    def _watch(self) -> None:
        synchroniser = Synchroniser(self.root, Store(self.tracking_uri))
        pause = SECONDS_BETWEEN_ROUNDS
        while True:
            last = self._stop.is_set()
            try:
                synchroniser.round(self._study)
                pause = SECONDS_BETWEEN_ROUNDS
                if last:
                    self._delivered.set()
                    return
            except Exception as error:  # no failure here may end the run that is tracked
                if pause == SECONDS_BETWEEN_ROUNDS:
                    _log.warning("MLflow is late, trying again: %s", " ".join(str(error).split())[:300])
                pause = min(2 * pause, LONGEST_PAUSE)
            remaining = self._deadline - time.monotonic()
            if last and remaining <= 0:
                return
            if last:
                time.sleep(min(SECONDS_BETWEEN_ROUNDS, remaining))
            else:
                self._stop.wait(pause)


def sync(root: Path, tracking_uri: str) -> int:
    """Deliver the events that no tracker delivered, for example after a plain `dvc repro`; returns their number.

    Raises:
        CeterisError: MLflow does not answer.
    """
    synchroniser = Synchroniser(root, Store(tracking_uri))
    reason: Exception | None = None
    for pause in PAUSES_OF_SYNC:
        time.sleep(pause)
        try:
            return synchroniser.round()
        except CeterisError:
            raise
        except Exception as error:
            reason = error
    sentence = " ".join(str(reason).split())[:300]
    raise CeterisError(
        f"MLflow at {tracking_uri} does not answer ({sentence}): nothing is lost, run `ceteris sync` again."
    ) from reason
