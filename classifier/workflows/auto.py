"""Mode auto: a linear head first, then steps that raise the expected accuracy, as long as the time allows.

Each step trains other models and compares them with the best so far on out-of-fold predictions. The one that is
expected to be right more often is kept; its score is that of photos that the choice did not use
(``evaluation.model_choice``).
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .. import distributed
from ..data import splits
from ..data.dataset import run_assets
from ..errors import ClassifierError
from ..evaluation import calibration
from ..evaluation.intervals import accuracy_interval
from ..evaluation.model_choice import choose, expected_accuracy
from ..evaluation.report import rescore
from ..events import Epoch, Note, Progress, Step
from ..messages import Message, message
from ..messages.workflows import StepsCode
from ..models.checkpoint import TrainedModel
from ..models.evaluated_photos import EvaluatedPhotos
from ..models.predictor import Predictor
from ..training import resume
from . import steps
from .candidates import Candidate
from .evaluate import evaluate
from .training_run import Evaluated, Finished, TrainingRun, save_progress
from .trials import Trial, list_trials

Event = Progress | Epoch | Note | Step

_MORE = 1.5  # times the cost of an answer above which a model has to bring more
_MIN_GAIN_OF_MORE = 0.01  # of the expected accuracy
_CHOICE_FOLDS = 5
_IN_VAIN = 2  # steps in a row that bring nothing, after which a training without a limit of time ends


@dataclass
class _State:
    """The best candidate so far, what it was evaluated to, and how many steps in a row brought nothing.

    ``evaluated`` is None where the model was saved before an interruption.
    """

    best: Candidate
    evaluated: Evaluated | None
    first_cost: float
    in_vain: int = 0


@dataclass(frozen=True)
class _Compared:
    """A candidate with the probabilities (J, C) that score it, see ``choose``, and its gain in expected accuracy.

    ``accuracy`` is that of the photos with both ends of its interval, ``before`` that of the model before on the same.
    """

    candidate: Candidate
    gain: float
    is_better: bool
    accuracy: tuple[float, float, float]
    before: float | None


def improve(run: TrainingRun, head: TrainedModel, networks: Sequence[str] = ()) -> Generator[Event, None, Finished]:
    """Save the linear head as the first step, then try others; each model that is kept replaces the one before.

    Interrupted at any moment and called again with the same folder, it goes on at the step it was in.

    Args:
        run: the training.
        head: the model of the first step.
        networks: names of networks to try beside those that are installed, each in a step of its own.
    """
    state = yield from _begin(run, Candidate.of("head", head), bool(networks))
    for trial in list_trials(run, head, networks):
        if any((step.name, step.backbone) == (trial.name, trial.backbone) for step in run.steps):
            continue  # before an interruption
        if not _goes_on(run, state):
            break
        if distributed.broadcast(trial.seconds <= seconds_left(run)):
            yield from _take(run, state, trial)
    return _finish(run, state)


def seconds_left(run: TrainingRun) -> float:
    """Return the seconds that the training may still take; infinite where it has no limit."""
    return 60 * run.config.minutes - run.clock.seconds if run.config.minutes else math.inf


def _begin(run: TrainingRun, head: Candidate, adds: bool) -> Generator[Event, None, _State]:
    """Save the head as the first step, or find the steps that were taken before an interruption.

    ``adds`` is True where steps follow a training that has ended.
    """
    photos = run.training_set.fingerprint()
    interrupted = run.resume_folder.exists()
    resume.prepare_folder(run.resume_folder, run.config, run.training_set.names())
    before = steps.list_steps(run.folder, photos) if adds or interrupted else ()
    best = steps.read_candidate(run.folder) if before else None
    if best is not None:
        run.steps.extend(before)
        run.clock.add(sum(step.seconds for step in before))
        return _State(best, None, head.cost)
    if distributed.is_main_process():
        steps.clear(run.folder)
    state = _State(head, None, head.cost)
    assert head.model is not None
    report = head.model.report
    accuracy = report.accuracy, report.accuracy_low, report.accuracy_high
    first = _Compared(head, gain=0.0, is_better=True, accuracy=accuracy, before=None)
    yield from _keep(run, state, first, head.model, run.clock.seconds)
    return state


def _goes_on(run: TrainingRun, state: _State) -> bool:
    """Whether another step may begin; all processes follow the main one."""
    in_vain = not run.config.minutes and state.in_vain >= _IN_VAIN
    enough = run.config.max_steps is not None and len(run.steps) >= run.config.max_steps
    return not distributed.broadcast(run.stop() or in_vain or enough)


def _take(run: TrainingRun, state: _State, trial: Trial) -> Generator[Event, None, None]:
    """Train the candidates of a step and keep the best of them, or drop the step."""
    started = run.clock.seconds
    try:
        candidates = yield from trial.train(state.best, seconds_left(run))
    except ClassifierError as error:  # a network that cannot be fetched, too little memory
        unchanged = _unchanged(run, state.best, trial)
        why = message(StepsCode.FAILED, why=str(error.message))
        yield _drop(run, state, _step(run, state, unchanged, run.clock.seconds - started, why))
        return
    compared = [_compare(run, state.best, candidate) for candidate in candidates]
    if not compared and run.stop():  # before there was anything to compare: the step may be taken another time
        return
    best = max(compared, key=lambda one: (one.is_better, one.gain), default=_unchanged(run, state.best, trial))
    seconds = run.clock.seconds - started
    if best.is_better:
        yield from _keep(run, state, best, _with_score(run, best.candidate), seconds)
    else:
        yield _drop(run, state, _step(run, state, best, seconds, _why(state, best)))


def _finish(run: TrainingRun, state: _State) -> Finished:
    """Save the best model once more, with the steps after it in its records; what is unfinished is deleted."""
    if state.evaluated is not None:
        return run.save(state.evaluated)
    if distributed.is_main_process():  # it was saved before an interruption
        steps.put_back(run.project, run.folder, steps.step_in_use(run.folder), run.steps)
        shutil.rmtree(run.resume_folder, ignore_errors=True)
    distributed.barrier()
    predictor = Predictor(run.folder)
    test = None if run.test is None else evaluate(predictor, run.test)
    notes, tried = tuple(run.notes), tuple(run.steps)
    return Finished(predictor.report, run.folder, run.clock.seconds, test, "auto", notes, tried)


def _unchanged(run: TrainingRun, best: Candidate, trial: Trial) -> _Compared:
    """Return the comparison of a step that brought no candidate: the best so far with itself."""
    return _compare(run, best, replace(best, name=trial.name, backbone=trial.backbone))


def _compare(run: TrainingRun, best: Candidate, candidate: Candidate) -> _Compared:
    """Compare a candidate with the best so far on the photos of both."""
    idx, mine, its = np.intersect1d(candidate.idx, best.idx, assume_unique=True, return_indices=True)
    y, groups = run.training_set.y[idx], run.training_set.groups[idx]
    after, before = candidate.probs[mine], best.probs[its]
    folds = splits.stratified_group_folds(y, groups, _CHOICE_FOLDS, run.config.seed)
    min_gain = _MIN_GAIN_OF_MORE if candidate.cost > _MORE * best.cost else 0.0
    is_better, nested = choose(before, after, y, folds, min_gain)
    correct = after.argmax(1) == y
    low, high = accuracy_interval(correct, groups)
    return _Compared(
        replace(candidate, idx=idx, probs=nested if is_better else after),
        gain=expected_accuracy(after, y) - expected_accuracy(before, y),
        is_better=is_better,
        accuracy=(float(correct.mean()), low, high),
        before=float((before.argmax(1) == y).mean()),
    )


def _with_score(run: TrainingRun, candidate: Candidate) -> TrainedModel:
    """Return the model of a candidate with the score, the threshold and the predictions of the nested choice."""
    model, idx, probs = candidate.model, candidate.idx, candidate.probs
    assert model is not None
    assert model.evaluated is not None
    y, groups = run.training_set.y[idx], run.training_set.groups[idx]
    usual = model.evaluated.in_distribution[idx]
    report = rescore(model.report, probs, y, "out_of_fold", groups, usual)
    report = replace(report, threshold=calibration.unsure_threshold(probs, y, in_distribution=usual))
    rows = list(model.run_assets)
    assets = [run.training_set.assets[index] for index in idx]
    for index, row in zip(idx, run_assets(assets, probs, run.training_set.labels)):
        rows[index] = row._replace(split=rows[index].split)
    return replace(model, report=report, run_assets=tuple(rows), evaluated=EvaluatedPhotos(probs, y, usual))


def _keep(
    run: TrainingRun, state: _State, compared: _Compared, model: TrainedModel, seconds: float
) -> Generator[Event, None, None]:  # fmt: skip
    """Save a model in the place of the one before, and as the model of its step."""
    evaluated = yield from run.evaluate(model)
    yield save_progress(len(run.training_set))
    run.steps.append(_step(run, state, compared, seconds))
    state.best, state.evaluated, state.in_vain = replace(compared.candidate, model=evaluated.model), evaluated, 0
    run.save(evaluated, unfinished=True)
    if distributed.is_main_process():
        number = len(run.steps)
        steps.keep(run.folder, number, run.catalog_entry(evaluated), state.best)
        steps.record(run.folder, run.steps, number, run.training_set.fingerprint())
    yield run.steps[-1]


def _drop(run: TrainingRun, state: _State, step: Step) -> Step:
    """Record a step that brought nothing."""
    run.steps.append(step)
    state.in_vain += 1
    if distributed.is_main_process():
        steps.record(run.folder, run.steps, steps.step_in_use(run.folder), run.training_set.fingerprint())
    return step


def _step(run: TrainingRun, state: _State, compared: _Compared, seconds: float, why: Message | None = None) -> Step:
    candidate, (accuracy, low, high) = compared.candidate, compared.accuracy
    return Step(
        number=len(run.steps) + 1,
        name=candidate.name,
        backbone=candidate.backbone,
        accuracy=accuracy,
        low=low,
        high=high,
        before=compared.before,
        seconds=seconds,
        kept=why is None,
        cost=candidate.cost / state.first_cost,
        why=why,
    )


def _why(state: _State, compared: _Compared) -> Message:
    """Return why a step was dropped."""
    if compared.gain > 0:
        relative = compared.candidate.cost / state.best.cost
        return message(StepsCode.COSTS_TOO_MUCH, gain=100 * compared.gain, cost=relative)
    return message(StepsCode.NOT_BETTER)
