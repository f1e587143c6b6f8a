"""What the tools of a host ask: ``/health``, whether the program can work, and ``/metrics``, numbers for Prometheus.

Both are answered without a login, as such tools have none, and say nothing about visitors, photos or models.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from .._version import __version__
from ..device import choose, release_memory
from ..errors import ClassifierError
from ..files import check_writable
from ..messages import sentence
from ..messages.server import HealthCode
from ..models import checkpoint
from . import metrics

if TYPE_CHECKING:
    from .sessions import Home

HEALTH, METRICS = "/health", "/metrics"
_NOT_KEPT = {"Cache-Control": "no-store"}
_FORMAT = "text/plain; version=0.0.4; charset=utf-8"  # of Prometheus


def health_routes(with_metrics: bool) -> list[BaseRoute]:
    """Return the routes, that of the metrics where the host wants them."""
    routes: list[BaseRoute] = [Route(HEALTH, _answer_health, methods=["GET"])]
    return [*routes, Route(METRICS, _answer_metrics, methods=["GET"])] if with_metrics else routes


def _answer_health(request: Request) -> Response:
    home: Home = request.app.get_blocks().home
    status = {
        "status": "ok",
        "version": __version__,
        "device": choose().name,
        "models": _count_models(home.checkpoints),
        "queue": {"running": home.jobs.count_running(), "waiting": home.jobs.count_waiting()},
    }
    try:
        check_writable(home.root)
    except OSError as error:
        why = sentence(HealthCode.NOT_WRITABLE, why=error.strerror or type(error).__name__)
        return JSONResponse({**status, "status": "failing", "why": why}, 503, _NOT_KEPT)
    return JSONResponse(status, headers=_NOT_KEPT)


def _answer_metrics(request: Request) -> Response:
    home: Home = request.app.get_blocks().home
    gauges = {
        "classifier_trainings_running": ("Trainings that run.", float(home.jobs.count_running())),
        "classifier_trainings_waiting": ("Trainings that wait.", float(home.jobs.count_waiting())),
    }
    return PlainTextResponse(metrics.expose(gauges), media_type=_FORMAT, headers=_NOT_KEPT)


def _count_models(folder: Path) -> int:
    """Return how many of the models offered to everybody can be loaded."""
    found = 0
    for config in folder.glob("[!.]*/config.json"):
        weights = config.parent / "model.safetensors"
        found += weights.is_file() and _can_be_loaded(config.parent, weights.stat().st_mtime_ns)
    return found


@lru_cache(maxsize=1000)
def _can_be_loaded(folder: Path, written: int) -> bool:
    """Return whether a model can be loaded, as it was ``written`` at that time: loading each takes a while."""
    try:
        checkpoint.load(folder)
    except (ClassifierError, OSError):
        return False
    finally:
        release_memory()
    return True
