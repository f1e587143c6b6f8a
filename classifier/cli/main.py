"""The command line, ``python -m classifier COMMAND``: each command in one function; see ``--help``."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

from ..config import TrainConfig, settings
from ..data.project import Project
from ..errors import ClassifierError, DataError, SettingError
from ..files import remove_temporary_cache
from ..messages import sentence
from ..messages.cli import CommandCode, OutputCode
from ..messages.evaluation import CostCode
from ..messages.files import StorageCode
from ..messages.hub import HubCode
from ..messages.models import PredictCode
from . import output, predicting, projects, text
from .console import finish, print_json
from .data import open_data, open_test_data
from .parser import build_parser
from .running import is_first, photo_files, print_lines, process_group, run, shared_errors, without_garbage_collection


def main(
    argv: Sequence[str] | None = None, more: Mapping[str, Callable[[argparse.Namespace], None]] | None = None
) -> int:
    """Run one command; return 0, or 2 after an error in one sentence on standard error, or 130 after Ctrl-C.

    ``more`` are commands that this package may not import: ``app``, the page.
    """
    warnings.filterwarnings("ignore", module="PIL")  # files that Pillow warns of are listed as left out
    args = build_parser().parse_args(argv)
    try:
        result = {**_COMMANDS, **(more or {})}[args.command](args)
    except ClassifierError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:  # a name that is too long, a folder that may not be opened
        print(_explain(error), file=sys.stderr)
        return 2
    except (MemoryError, RuntimeError) as error:
        from ..device import is_out_of_memory

        if not is_out_of_memory(error):
            raise
        print(PredictCode.NO_MEMORY, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(CommandCode.STOPPED, file=sys.stderr)
        return 130
    if args.json and is_first():
        print_json(result)
    return 0


def leave(code: int) -> NoReturn:
    """End the process without the interpreter's clean-up, which takes over a second once torch is loaded."""
    code = finish(code)
    remove_temporary_cache()
    os._exit(code)


def _explain(error: OSError) -> str:
    why = error.strerror or str(error)
    if error.filename is None:
        return sentence(StorageCode.REFUSED, why=why)
    return sentence(CommandCode.FILE_UNUSABLE, file=error.filename, why=why)


# -- commands


def _example(args: argparse.Namespace) -> dict[str, Any]:
    if args.folder.exists() and (not args.folder.is_dir() or any(args.folder.iterdir())):
        raise DataError(CommandCode.FOLDER_NOT_EMPTY, folder=args.folder)
    if args.per_class is not None and args.per_class < 1:
        raise DataError(CommandCode.PER_CLASS_TOO_SMALL, count=args.per_class)
    if args.set is not None:
        return _fetch_set(args)
    from ..data.example import PER_CLASS, draw_example

    per_class = args.per_class or PER_CLASS
    draw_example(args.folder, per_class)
    print(sentence(OutputCode.EXAMPLE_DRAWN, folder=args.folder), file=sys.stderr)
    return {"folder": str(args.folder), "per_class": per_class}


def _fetch_set(args: argparse.Namespace) -> dict[str, Any]:
    from ..workflows.public_sets import FetchedSet, fetch_set, find_set

    chosen = find_set(args.set)
    events = fetch_set(chosen, args.folder, args.per_class)
    first = next(events)  # raises where nothing answers
    print(chosen.about(), file=sys.stderr)
    photos = run(chain((first,), events), FetchedSet).photos
    done = sentence(OutputCode.SET_FETCHED, photos=sum(photos.values()), classes=len(photos), folder=args.folder)
    print(done, file=sys.stderr)
    return output.set_json(chosen, args.folder, photos)


def _check(args: argparse.Namespace) -> dict[str, Any]:
    with without_garbage_collection():
        from ..workflows.check import Checked, check

    with open_data(args) as project:
        result = output.check_json(project, run(check(project), Checked))
    print_lines(args, text.check_lines(result))
    return result


def _train(args: argparse.Namespace) -> dict[str, Any]:
    config = TrainConfig(**{setting.name: getattr(args, setting.name) for setting in settings()})
    if args.self_check:
        return _self_check(args, config)
    if args.out is None and args.project is None:
        raise DataError(CommandCode.NO_OUT if args.data else CommandCode.NO_DATA)
    with ExitStack() as stack:
        stack.enter_context(process_group())
        with shared_errors():
            project = stack.enter_context(open_data(args))
            test = stack.enter_context(open_test_data(args)) if args.test else None
        with without_garbage_collection():
            from ..workflows.set_apart import PhotosApart, set_apart
            from ..workflows.train import Finished, train

        if args.set_apart is not None:
            share, seed = args.set_apart, config.seed
            run(set_apart(project, share, seed=seed, device=args.device, config=config), PhotosApart)
        finished = run(train(project, config, args.out, test, args.device), Finished)
        result = output.train_json(project, test, finished, config)
    print_lines(args, text.train_lines(result, finished))
    return result


def _self_check(args: argparse.Namespace, config: TrainConfig) -> dict[str, Any]:
    with without_garbage_collection():
        from ..workflows.overfit_check import overfit_check

    with open_data(args) as project:
        found = overfit_check(project, config, args.device)
    print_lines(args, found.lines())
    return output.overfit_check_json(found)


def _review(args: argparse.Namespace) -> dict[str, Any]:
    with without_garbage_collection():
        from ..workflows.review import review
        from ..workflows.train import Finished, train

    with open_data(args) as project:
        if args.run is None and not project.catalog.runs.newest():
            run(train(project), Finished)
        reviewed = review(project, args.run)
        if reviewed is None:
            raise DataError(CommandCode.NO_RUN, data=args.data[0], run=args.run)
        result = output.review_json(project, reviewed)
    print_lines(args, text.review_lines(result))
    return result


def _evaluate(args: argparse.Namespace) -> dict[str, Any]:
    with without_garbage_collection():
        from ..models.hub_models import open_model
        from ..models.predictor import Predictor
        from ..workflows.evaluate import evaluate

    predictor = Predictor(run(open_model(args.folder), Path))
    with open_data(args) as project:
        report = evaluate(predictor, project)
        result = output.evaluate_json(project, report)
    print_lines(args, text.evaluate_lines(result, report))
    return result


def _export(args: argparse.Namespace) -> dict[str, Any]:
    with without_garbage_collection():
        from ..exporters.base import Exported
        from ..models.hub_models import HubModel, is_hub_name
        from ..workflows.export import export
        from ..workflows.publish import Publication, publish

    with ExitStack() as stack:
        photos = [photo for path in args.photos or () for photo in _photos_of(path, stack)]
        options = {"title": args.title, "shown": args.show or (), "device": args.device}
        if is_hub_name(args.out):
            repository = HubModel.parse(args.out).repository_to_write()
            published = run(
                publish(args.folder, args.to, repository, photos, public=args.public, **options), Publication
            )
            print_lines(args, text.publish_lines(published))
            return output.publish_json(published)
        exported = run(export(args.folder, args.to, args.out, photos, **options), Exported)
    print_lines(args, text.export_lines(exported))
    return output.export_json(exported)


def _threshold(args: argparse.Namespace) -> dict[str, Any]:
    with without_garbage_collection():
        from ..models import checkpoint
        from ..models.evaluated_photos import outcomes_of, read_evaluated, with_costs
        from ..models.hub_models import is_hub_name, open_model

    costs = _read_costs(args.cost or ())
    changed = args.value is not None or bool(costs) or args.unsure_cost is not None
    if changed and is_hub_name(args.folder):
        raise SettingError(HubCode.NOT_CHANGED_THERE, name=args.folder)
    folder = run(open_model(args.folder), Path)
    checkpoint.check_is_model(folder)
    report = checkpoint.read_report(folder)
    evaluated = read_evaluated(folder, len(report.labels))
    if costs or args.unsure_cost is not None:
        unsure_cost = report.unsure_cost if args.unsure_cost is None else args.unsure_cost
        with_costs(report, evaluated, costs, unsure_cost)  # raises before anything is written
    if args.value is not None:
        report = checkpoint.set_threshold(folder, args.value)
    if costs or args.unsure_cost is not None:
        report = checkpoint.set_costs(folder, {**report.costs, **costs}, unsure_cost)
    outcomes = None if evaluated is None else outcomes_of(report, evaluated)
    print_lines(args, text.threshold_lines(report, changed, outcomes))
    return output.threshold_json(report, outcomes and outcomes[0])


def _read_costs(texts: Sequence[str]) -> dict[str, float]:
    """Return the weights of ``--cost CLASS=WEIGHT``; the last “=” counts, so that a class may hold one."""
    found = {}
    for one in texts:
        label, _, weight = one.rpartition("=")
        try:
            found[label] = float(weight)
        except ValueError as error:
            raise SettingError(CostCode.NO_NUMBER, text=one) from error
    return found


def _suggest(args: argparse.Namespace) -> dict[str, Any]:
    with without_garbage_collection():
        from . import labeling

        result = labeling.suggest(args, run)
    print_lines(args, labeling.lines(result))
    return result


_COMMANDS: Mapping[str, Callable[[argparse.Namespace], dict[str, Any] | list[dict[str, Any]]]] = {
    "example": _example,
    "check": _check,
    "train": _train,
    "review": _review,
    "evaluate": _evaluate,
    "predict": predicting.predict,
    "suggest": _suggest,
    "threshold": _threshold,
    "export": _export,
    "project": projects.project,
}


# -- helpers


def _photos_of(path: Path, stack: ExitStack) -> list[Path]:
    """Return the photos of a file, a folder or, as long as the stack lasts, a zip."""
    if path.is_file() and zipfile.is_zipfile(path):
        project = stack.enter_context(Project.over(path))
        return [project.photo_path(photo) for photo in project.photos()]
    return list(photo_files([path]))
