"""Mode auto: a linear head first, then steps that raise the expected accuracy, as long as the time allows.

Each step trains other models and compares them with the best so far on out-of-fold predictions. The one that is
expected to be right more often is kept; its score is that of photos that the choice did not use
(``evaluation.model_choice``).
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import distributed
from ..data import splits
from ..data.dataset import run_assets
from ..errors import ClassifierError, ModelError
from ..evaluation.intervals import accuracy_interval
from ..evaluation.model_choice import MIN_GAIN_OF_MORE, ModelChoice
from ..evaluation.report import Report
from ..evaluation.scoring import rescore
from ..events import Epoch, Note, Progress, Step
from ..messages import Message, message
from ..messages.workflows import StepsCode
from ..models import model_folder
from ..models.checkpoint import TrainedModel
from ..models.evaluated_photos import EvaluatedPhotos
from ..models.predictor import Predictor
from ..training import attempts, resume
from . import steps
from .candidates import FINE_TUNED, Candidate, step_from_json, step_to_json
from .evaluate import evaluate
from .trained_models import out_of_fold_threshold
from .training_data import remember
from .training_run import Evaluated, Finished, TrainingRun, save_progress
from .trials import Offer, Trial, list_trials

Event = Progress | Epoch | Note | Step
Probabilities = tuple[NDArray[np.int64], NDArray[np.float32]]  # training photos (J,), and probabilities (J, C)

_CHOICE_FOLDS = 5
_IN_VAIN = 2  # steps in a row that bring nothing, after which a training without a limit of time ends


@dataclass
class _State:
    """The choice of the best candidate, those of one network and of networks that are not fine-tuned, and how many
    steps in a row brought nothing.

    ``scored`` are the probabilities by which the model in use was scored when it was saved. ``evaluated`` is None where
    it was saved before an interruption; ``single`` is the candidate whose model of one network was saved beside it.
    """

    choice: ModelChoice[Candidate]
    singles: ModelChoice[Candidate]
    pretrained: ModelChoice[Candidate]
    head: Candidate
    scored: Probabilities
    evaluated: Evaluated | None = None
    single: Candidate | None = None
    in_vain: int = 0

    def copy(self) -> _State:
        """Return a state that goes on by itself."""
        return replace(self, choice=self.choice.copy(), singles=self.singles.copy(), pretrained=self.pretrained.copy())

    def restore(self, other: _State) -> None:
        """Go on from where another state is."""
        vars(self).update(vars(other.copy()))


def improve(run: TrainingRun, head: TrainedModel, networks: Sequence[str] = ()) -> Generator[Event, None, Finished]:
    """Save the linear head as the first step, then try others; each model that is kept replaces the one before.

    Interrupted at any moment and called again with the same folder, it goes on at the step it was in.

    Args:
        run: the training.
        head: the model of the first step.
        networks: names of networks to try beside those on this machine, each in a step of its own.
    """
    state = yield from _begin(run, Candidate.of("head", head), bool(networks))
    for trial in list_trials(run, head, networks):
        if _was_taken(run, trial):  # before an interruption
            yield from _train_again(run, state, trial)
            continue
        if not _goes_on(run, state):
            break
        if distributed.broadcast(trial.seconds <= run.seconds_left):
            yield from _take(run, state, trial)
            run.record_seconds(at_once=True)
            attempts.record_epoch(run.resume_folder)
            attempts.record_start(run.resume_folder)  # of the next step, which may end the program as the first may
    return (yield from _finish(run, state))


def _begin(run: TrainingRun, head: Candidate, adds: bool) -> Generator[Event, None, _State]:
    """Save the head as the first step, or find the steps that were taken before an interruption.

    ``adds`` is True where steps follow a training that has ended.
    """
    y, groups = run.training_set.y, run.training_set.groups
    seed = (run.config.seed + 1) % 2**32  # other folds than those of the heads
    folds = splits.stratified_group_folds(y, groups, _CHOICE_FOLDS, seed)
    choice, singles, pretrained = (ModelChoice(head, y, folds, groups) for _ in range(3))
    state = _State(choice, singles, pretrained, head, choice.nested())
    if adds:
        _check_photos(run)
    interrupted = resume.prepare_folder(run.resume_folder, run.config, run.training_set.rows())
    if not attempts.count_starts(run.resume_folder):
        attempts.record_start(run.resume_folder)
    run.clock.add(distributed.decide(lambda: resume.read_seconds(run.resume_folder)))
    before = _steps_before(run) if adds or interrupted else []
    if before:
        run.steps.extend(before)
        _take_again(run)
        _offer_again(run, state)
        return state
    if distributed.is_main_process():
        steps.clear(run.folder)
    yield from _keep(run, state, run.clock.seconds)
    return state


def _offer_again(run: TrainingRun, state: _State) -> None:
    """Offer what the steps before an interruption offered."""
    for step in run.steps:
        found = list(steps.read_evidence(run.folder, step.number)) if distributed.is_main_process() else []
        for candidate in steps.share_evidence(found):
            _offer(state, candidate)
        state.scored = state.choice.nested() if step.kept else state.scored


def _check_photos(run: TrainingRun) -> None:
    """Raise ``ModelError`` where there are steps on other photos, which no further step can be compared with."""
    photos = run.training_set.digest()
    if distributed.decide(lambda: bool(steps.list_steps(run.folder)) and not steps.list_steps(run.folder, photos)):
        model_folder.remove_unfinished(run.folder)
        raise ModelError(StepsCode.OTHER_PHOTOS, folder=str(run.folder))


def _steps_before(run: TrainingRun) -> list[Step]:
    """Return the steps that were taken before, which only the main process can know."""
    photos = run.training_set.digest()
    return list(
        map(step_from_json, distributed.decide(lambda: list(map(step_to_json, steps.list_steps(run.folder, photos)))))
    )


def _take_again(run: TrainingRun) -> None:
    """Take a step again that was kept after its first fold and whose training goes on; the model before is back."""
    last = run.steps[-1]
    if last.number > 1 and distributed.decide(lambda: any((run.resume_folder / last.name).glob("*/plan.json"))):
        run.steps.pop()
        _put_back_best(run)


def _put_back_best(run: TrainingRun) -> None:
    """Put the model of the last step that was kept into the folder, in the place of a later one."""
    with distributed.shared_errors():
        if distributed.is_main_process():
            number = max(step.number for step in run.steps if step.kept)
            steps.put_back(run.project, run.folder, number, run.steps)
            steps.record(run.folder, run.steps, number, run.training_set.digest())


def _was_taken(run: TrainingRun, trial: Trial) -> bool:
    """Whether a trial was taken as a step already; networks are told apart by their names."""
    taken = (step for step in run.steps if step.name == trial.name)
    return any(trial.name != "network" or step.backbone == trial.backbone for step in taken)


def _train_again(run: TrainingRun, state: _State, trial: Trial) -> Generator[Event, None, None]:
    """Train the best pretrained model again, whose features are cached: fine-tuned ones are averaged with it.

    Where that fails, as the weights of its network are gone, they are not.
    """
    best = state.pretrained.best
    if not trial.is_cached or best.model is not None or (best.name, best.backbone) != (trial.name, trial.backbone):
        return
    for event in _until_failure(run, trial, best, math.inf):
        if isinstance(event, Offer):
            state.pretrained.best = replace(best, model=event.candidates[0].model)
        elif not isinstance(event, Message):
            yield event


def _goes_on(run: TrainingRun, state: _State) -> bool:
    """Whether another step may begin; all processes follow the main one."""
    in_vain = not run.config.minutes and state.in_vain >= _IN_VAIN
    enough = run.config.max_steps is not None and len(run.steps) >= run.config.max_steps
    return not distributed.broadcast(run.stop() or in_vain or enough)


@dataclass
class _Attempt:
    """A step under way: what was there before it, and its candidates with the accuracy that each is expected to add."""

    before: _State
    steps: tuple[Step, ...]
    started: float
    offered: Sequence[tuple[Candidate, float]] = ()


def _take(run: TrainingRun, state: _State, trial: Trial) -> Generator[Event, None, None]:
    """Train the candidates of a step and keep the best of them, or drop the step."""
    attempt = _Attempt(state.copy(), tuple(run.steps), run.clock.seconds)
    why = message(StepsCode.NOT_EXPECTED_BETTER)
    with closing(_until_failure(run, trial, state.pretrained.best, run.seconds_left)) as events:
        for event in events:
            run.record_seconds(at_once=isinstance(event, Epoch))
            if isinstance(event, Offer):
                yield from _judge(run, state, attempt, event.candidates)
            elif isinstance(event, Message):
                why = event
            else:
                yield event
            if not attempt.offered and distributed.world_size() == 1 and run.stop():
                break  # what comes first, features or views of all photos, may take minutes
    if len(run.steps) > len(attempt.steps):  # it is kept
        return
    # Stopped before there was anything to compare: the step may be taken another time.
    if not attempt.offered and distributed.broadcast(run.stop()):
        return
    if not attempt.offered and run.is_over():
        why = message(StepsCode.STEP_NO_TIME)
    before, gain = state.choice.best, 0.0
    tried = replace(before, name=trial.name, backbone=trial.backbone)
    if attempt.offered:
        tried, gain = max(attempt.offered, key=lambda one: one[1])
    cost = tried.cost / before.cost
    if gain > MIN_GAIN_OF_MORE:
        why = message(StepsCode.NO_MORE_RIGHT, cost=cost)
    elif gain > 0:
        why = message(StepsCode.ANSWERS_TOO_SLOW, gain=100 * gain, cost=cost)
    scored, own = (tried.idx, tried.probs), (before.idx, before.probs)
    run.steps.append(_step(run, state, tried, scored, own, run.clock.seconds - attempt.started, why))
    state.in_vain += trial.name != "stages"  # which takes a second, and is of the same network as the head
    if distributed.is_main_process():
        steps.record(run.folder, run.steps, steps.step_in_use(run.folder), run.training_set.digest())
    yield run.steps[-1]


def _until_failure(
    run: TrainingRun, trial: Trial, best: Candidate, seconds: float
) -> Generator[Event | Offer | Message, None, None]:
    """Yield what a trial does, and last why it failed, where it did; then nothing is left of it."""
    try:
        yield from trial.train(best, seconds)
    except ClassifierError as error:  # a network that cannot be fetched, too little memory, a full disk
        if distributed.is_own(error):
            raise
        if distributed.is_local_main_process():
            shutil.rmtree(run.resume_folder / trial.name / trial.backbone, ignore_errors=True)  # views of all photos
        yield message(StepsCode.STEP_FAILED, why=str(error.message))


def _judge(
    run: TrainingRun, state: _State, attempt: _Attempt, candidates: Sequence[Candidate]
) -> Generator[Event, None, None]:
    """Keep the best of what a step offers, in the place of what it offered before; else what was there before it."""
    was_kept = len(run.steps) > len(attempt.steps)
    del run.steps[len(attempt.steps) :]
    state.restore(attempt.before)
    attempt.offered = [(candidate, state.choice.gain(candidate)) for candidate in candidates]
    kept = [_offer(state, candidate) for candidate in candidates]
    if distributed.is_main_process():
        steps.keep_evidence(run.folder, len(run.steps) + 1, candidates)
    if any(kept):
        yield from _keep(run, state, run.clock.seconds - attempt.started)
    elif was_kept:
        _put_back_best(run)


def _offer(state: _State, candidate: Candidate) -> bool:
    """Offer a candidate to the choices that it belongs to; return whether it is the best of all."""
    if candidate.is_single:
        state.singles.offer(candidate)
    if candidate.name not in FINE_TUNED:
        state.pretrained.offer(candidate)
    return state.choice.offer(candidate)


def _keep(run: TrainingRun, state: _State, seconds: float) -> Generator[Event, None, None]:
    """Save the best model in the place of the one before, and as the model of its step."""
    best, scored = state.choice.best, state.choice.nested()
    before = state.scored if run.steps else None
    model = best.model if before is None else _with_score(run, state.choice)
    assert model is not None
    evaluated = yield from run.evaluate(replace(model, single=_single_for(run, state, model)))
    yield save_progress(len(run.training_set))
    run.steps.append(_step(run, state, best, scored, before, seconds))
    state.scored, state.evaluated, state.single, state.in_vain = scored, evaluated, state.singles.best, 0
    run.save(evaluated, unfinished=True)
    if distributed.is_main_process():
        number = len(run.steps)
        steps.keep(run.folder, number, run.catalog_entry(evaluated))
        steps.record(run.folder, run.steps, number, run.training_set.digest())
    yield run.steps[-1]


def _with_score(run: TrainingRun, choice: ModelChoice[Candidate]) -> TrainedModel | None:
    """Return the model of the best candidate with the score, the threshold and the predictions of the nested choice."""
    model, (idx, probs) = choice.best.model, choice.nested()
    if model is None:
        return None
    y, groups, usual = run.training_set.y[idx], run.training_set.groups[idx], choice.best.usual(idx)
    report = rescore(model.report, probs, y, "out_of_fold", groups, usual)
    report = replace(report, threshold=out_of_fold_threshold(run.training_set, idx, probs, usual))
    rows = list(model.run_assets)
    assets = [run.training_set.assets[index] for index in idx]
    for index, row in zip(idx, run_assets(assets, probs, run.training_set.labels)):
        rows[index] = row._replace(split=rows[index].split)
    return replace(model, report=report, run_assets=tuple(rows), evaluated=EvaluatedPhotos(probs, y, usual))


def _single_for(run: TrainingRun, state: _State, model: TrainedModel) -> TrainedModel | None:
    """Return the model of one network that is saved beside ``model``: none where it has one itself."""
    if not model.is_joined:
        return None
    is_head = state.singles.best is state.head
    single = (None if is_head else _with_score(run, state.singles)) or state.head.model
    assert single is not None
    return replace(single, training_photos=remember(run.extractor, run.project, run.training_set, single))


def _step(
    run: TrainingRun, state: _State, candidate: Candidate, scored: Probabilities, before: Probabilities | None,
    seconds: float, why: Message | None = None,
) -> Step:  # fmt: skip
    """Return the step that tried a candidate, with the accuracy of ``scored`` and of ``before`` on the same photos."""
    training_set, (idx, probs) = run.training_set, scored
    correct = probs.argmax(1) == training_set.y[idx]
    low, high = accuracy_interval(correct, training_set.groups[idx])
    accuracy_before = None
    if before is not None:
        of_both = np.isin(before[0], idx)
        y = training_set.y[before[0][of_both]]
        accuracy_before = float((before[1][of_both].argmax(1) == y).mean())
    return Step(
        number=len(run.steps) + 1,
        name=candidate.name,
        backbone=candidate.backbone,
        accuracy=float(correct.mean()),
        low=low,
        high=high,
        before=accuracy_before,
        seconds=seconds,
        kept=why is None,
        cost=candidate.cost / state.head.cost,
        why=why,
    )


def _finish(run: TrainingRun, state: _State) -> Generator[Event, None, Finished]:
    """Save the best model once more, with the steps after it in its records; what is unfinished is deleted.

    The threshold and costs stay that the person has set on it meanwhile.
    """
    if state.evaluated is not None:
        model = yield from _with_best_single(run, state, state.evaluated.model)
        evaluated = yield from run.with_test(replace(state.evaluated, model=model))
        decision = distributed.decide(lambda: steps.read_decision(run.folder))
        finished = run.save(evaluated)
        if decision is None:
            return finished
        decided = distributed.decide(lambda: steps.decide_again(run.folder, decision).to_json())
        return replace(finished, report=Report.from_json(decided))
    # It was saved before an interruption.
    report, *tests = map(Report.from_json, distributed.decide(lambda: _put_back(run)))
    model_folder.remove_unfinished(run.folder)
    seconds, notes, tried = run.clock.seconds, tuple(run.notes), tuple(run.steps)
    return Finished(report, run.folder, seconds, tests[0] if tests else None, "auto", notes, tried)


def _with_best_single(run: TrainingRun, state: _State, model: TrainedModel) -> Generator[Progress, None, TrainedModel]:
    """Return the model with the best one of one network beside it: a step that was dropped may have brought it."""
    if state.singles.best is state.single or (single := _single_for(run, state, model)) is None:
        return model
    return replace(model, single=(yield from run.evaluate_single(single)))


def _put_back(run: TrainingRun) -> list[dict[str, Any]]:
    """Put the model of the step in use in its place; return its report, and one on ``run.test`` where there is any."""
    decision = steps.read_decision(run.folder)
    steps.put_back(run.project, run.folder, steps.step_in_use(run.folder), run.steps)
    if decision is not None:
        steps.decide_again(run.folder, decision)
    predictor = Predictor(run.folder)
    reports = [predictor.report] if run.test is None else [predictor.report, evaluate(predictor, run.test)]
    return [report.to_json() for report in reports]
