"""Training of the blender as a job: judged queries on the live index, and a model in a folder."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multirecall.training.blender.growing import Growing
from multirecall.wiring.blenders import blender_folder
from multirecall.wiring.learning import Taught, learned_blender, taught_by
from multirecall.wiring.searchers import opened_searcher
from multirecall.wiring.settings import Settings
from multirecall.workers.deployment import Deployment
from multirecall.workers.drive import Drive, drive_whole

if TYPE_CHECKING:
    from multirecall.evaluation.report import Comparison
    from multirecall.training.blender.training import TrainedBlender

__all__ = ["BlenderTraining", "Told"]

_log = logging.getLogger("multirecall.workers")

_TIMEOUT_S = 30.0
_TELL_EVERY_S = 0.5
_FOLDS = 5


class BlenderTraining:
    """Drives jobs of the kind `train-blender`.

    The spec holds what the options of `multirecall train blender` say; without files it learns from the judgments of
    the settings. With `only_if_better` a model that is not significantly better than the best fixed fusion, on queries
    that it did not see, is not stored. The report: where the model is and on which host, the first measure of each
    system, the gain, and how good the probabilities are.
    """

    def __init__(self, deployment: Deployment, settings: Settings, *, stopping: Callable[[], bool]) -> None:
        self._deployment = deployment
        self._settings = settings
        self._stopping = stopping

    def drive(self, job_id: str) -> bool:
        """Does the job unless somebody else does; True if it came to its end here. Raises StoreUnavailable."""
        return drive_whole(self._deployment, job_id, self._report, stage="reading", stopping=self._stopping)

    def _report(self, drive: Drive) -> dict[str, Any]:
        """Trains, stores the model and tells of it. Raises Stopped if we are not to go on."""
        from multirecall.training.blender.storing import check_target, save_blender

        spec = drive.here().spec
        out = Path(spec.get("out") or blender_folder(self._settings))
        check_target(out)
        growing = replace(Growing(), **spec.get("growing", {}))
        taught = self._taught(spec, growing.seed)
        with opened_searcher(
            self._settings,
            routes=spec.get("routes"),
            fusion="weighted_sum",
            candidates=spec.get("candidates"),
            timeout_s=_TIMEOUT_S,
            use_policy=False,
            rewritings=True,
        ) as opened:
            trained = learned_blender(
                opened,
                taught,
                growing=growing,
                n_folds=spec.get("folds") or _FOLDS,
                relevant_grade=spec.get("relevant_grade"),
                on_step=Told(drive).begin,
            )
            index = opened.index.name
        gain = trained.report.overall.comparison(trained.name, trained.report.measures[0])
        stored = not spec.get("only_if_better") or (gain is not None and gain.significant and gain.difference > 0)
        drive.here(stage="storing")  # a cancelled job leaves the model that is there
        if stored:
            save_blender(trained.model, out)
        else:
            _log.warning("the blender is not significantly better than a fixed fusion; it is not stored")
        return {
            "index": index,
            "model": str(out) if stored else None,
            "host": socket.gethostname(),
            **_figures(trained, gain),
        }

    def _taught(self, spec: Mapping[str, Any], seed: int) -> Taught:
        queries, judgments = (Path(spec[name]) if spec.get(name) else None for name in ("queries", "judgments"))
        clicks = [Path(log) for log in spec.get("clicks", ())]
        if queries is None and judgments is None and not clicks:
            queries, judgments = self._settings.judged_queries, self._settings.judgments
        return taught_by(queries, judgments, clicks, seed=seed)


class Told:
    """Tells of each step of a training as a stage of its job, and by that learns whether to go on."""

    def __init__(self, drive: Drive) -> None:
        self._drive = drive
        self._done = self._planned = 0
        self._told_at = 0.0

    def begin(self, what: str, at_most: int | None) -> Callable[[], None]:
        self._done, self._planned = 0, at_most or 0
        self._tell(stage=what)
        return self._advance

    def _advance(self) -> None:
        self._done += 1
        if time.monotonic() - self._told_at >= _TELL_EVERY_S:
            self._tell()

    def _tell(self, **values: Any) -> None:
        self._told_at = time.monotonic()
        self._drive.tell(self._done, self._planned, **values)


def _figures(trained: TrainedBlender, gain: Comparison | None) -> dict[str, Any]:
    report = trained.report
    measure = report.measures[0]
    calibrated = trained.calibrated
    return {
        "measure": measure,
        "queries": report.n_queries,
        "routes": list(trained.model.features.routes),
        "trees": trained.model.booster.num_trees(),
        "systems": {name: report.overall.figure(name, measure).mean for name in report.systems},
        "gain": None if gain is None else asdict(gain),
        "calibration": {"error": calibrated.reliability.ece, "brier": calibrated.reliability.brier},
    }
