"""Command line: ``python -m classifier COMMAND``; see ``--help``."""

from __future__ import annotations

import argparse
import csv
import gc
import json
import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from ..config import Limits, TrainConfig
from ..data.intake import is_junk, scan
from ..data.project import Project
from ..errors import ClassifierError, DataError, StorageError
from . import output, parser

T = TypeVar("T")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it worked, 2 after a sentence on standard error, 130 after Ctrl-C."""
    warnings.filterwarnings("ignore", module="PIL")  # what Pillow says of odd files is in the list of left-out files
    args = parser.parser().parse_args(argv)
    try:
        result = _COMMANDS[args.command](args)
    except ClassifierError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:  # a name that is too long, a folder that may not be opened
        print(f"“{error.filename}” cannot be used ({error.strerror}); check the name and try again.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    if args.json:
        print(json.dumps(result, ensure_ascii=sys.stdout.encoding.lower() != "utf-8"))
    return 0


# -- commands


def _example(args: argparse.Namespace) -> dict[str, Any]:
    from ..data.example import draw_example

    if args.folder.exists() and (not args.folder.is_dir() or any(args.folder.iterdir())):
        raise DataError(f"“{args.folder}” is there already and not an empty folder; name a new one.")
    if args.per_class < 1:
        raise DataError(f"{args.per_class} photos of each class were asked for; ask for at least 1.")
    draw_example(args.folder, args.per_class)
    print(f"Drawn into {args.folder}: now try “python -m classifier train {args.folder} --out model”.", file=sys.stderr)
    return {"folder": str(args.folder), "per_class": args.per_class}


def _check(args: argparse.Namespace) -> dict[str, Any]:
    with _collector_at_rest():
        from ..workflows.check import Checked, check

    with Project.over(args.data) as project:
        checked = _last(check(project), Checked)
        result = output.of_check(project, checked)
    if not args.json:
        _print_check(result)
    return result


def _print_check(result: dict[str, Any]) -> None:
    print(f"{result['images']} photos in {len(result['classes'])} classes")
    for label, count in result["classes"].items():
        print(f"  {count:6}  {label}")
    _print_left_out(result["left_out"])
    print(f"{len(result['exact_duplicates'])} exact repeats, {len(result['near_duplicates'])} groups of look-alikes")
    for suspect in result["suspects"][:20]:
        print(_doubt(suspect["file"], suspect["label"], suspect["suggested"]))
    for poor in result["quality"][:20]:
        print(f"  {poor['file']}: {poor['advice']}.")
    for warning in (*result["warnings"], *(more["advice"] for more in result["more_photos"])):
        print(warning)


def _train(args: argparse.Namespace) -> dict[str, Any]:
    config = TrainConfig(
        mode=args.mode, backbone=args.backbone, domain=args.domain, seed=args.seed, minutes=args.minutes,
        unfreeze=args.unfreeze, epochs=args.epochs, batch=args.batch, learning_rate=args.learning_rate,
        optimizer=args.optimizer,
    )  # fmt: skip
    if args.self_check:
        return _self_check(args, config)
    if args.out is None:
        raise DataError("It was not said where the model goes; name a folder with --out FOLDER.")
    with ExitStack() as opened:
        project = opened.enter_context(Project.over(args.data))
        test = opened.enter_context(Project.over(args.test)) if args.test else None
        with _collector_at_rest():
            from ..distributed import is_main_process, process_group
            from ..workflows.train import Finished, train

        with process_group():
            finished = _last(train(project, config, args.out, test, args.device), Finished)
            result = output.of_training(project, test, finished, config)
            args.json, quiet = args.json and is_main_process(), not is_main_process()  # of several processes one speaks
    if not args.json and not quiet:
        _print_left_out(result["left_out"])
        for note in finished.notes:
            print(note)
        print(finished.report.in_words())
        if finished.test is not None:
            print(f"On the test photos: {finished.test.accuracy:.1%} right.")
        print(f"The model is in {args.out}, made in {finished.seconds:.1f} seconds.")
    return result


def _self_check(args: argparse.Namespace, config: TrainConfig) -> dict[str, Any]:
    with _collector_at_rest():
        from ..workflows.overfit_check import overfit_check

    with Project.over(args.data) as project:
        found = overfit_check(project, config, args.device)
    if not args.json:
        for line in found.lines():
            print(line)
    return {
        "shapes": [{"module": name, "shape": list(shape)} for name, shape in found.shapes],
        "batch": found.batch,
        "loss_before": found.loss_before,
        "loss_after": found.loss_after,
        "learnt_by_heart": found.overfits,
    }


def _evaluate(args: argparse.Namespace) -> dict[str, Any]:
    with _collector_at_rest():
        from ..models.predictor import Predictor
        from ..workflows.evaluate import evaluate

    predictor = Predictor(args.folder)
    with Project.over(args.data) as project:
        report = evaluate(predictor, project)
        result = {"classes": list(report.labels), **output.scores(report), "left_out": output.left_out(project)}
    if not args.json:
        _print_left_out(result["left_out"])
        print(report.in_words())
    return result


def _predict(args: argparse.Namespace) -> list[Any]:
    with _collector_at_rest():
        from ..models.predictor import Prediction, Predictor

    predictor = Predictor(args.folder)
    paths = list(_pictures(args.paths))
    rows: list[dict[str, Any]] = []
    for path, outcome in zip(paths, predictor.outcomes(paths, args.top_k)):
        if isinstance(outcome, Prediction):
            top = [{"label": guess.label, "confidence": guess.confidence} for guess in outcome.top]
            why = {"reason": outcome.reason} if outcome.unsure else {}
            rows.append({"file": str(path), "top": top, "unsure": outcome.unsure, **why})
        else:
            rows.append({"file": str(path), "top": [], "unsure": True, "reason": str(outcome)})
    if args.csv:
        _write_csv(args.csv, rows)
    if not args.json:
        for row in rows:
            print(_line(row))
    return rows


def _threshold(args: argparse.Namespace) -> dict[str, Any]:
    with _collector_at_rest():
        from ..models import checkpoint

    checkpoint.check_is_model(args.folder)
    changed = args.value is not None
    report = checkpoint.set_threshold(args.folder, args.value) if changed else checkpoint.read_report(args.folder)
    here = report.coverage_at(report.threshold)
    if not args.json:
        print(f"It answers when it is at least {report.threshold:.0%} sure.{' This is kept.' if changed else ''}")
        print(here.in_words() if here else "What that costs is not known of this model; train it again to see.")
        for point in () if changed else report.coverage_curve:
            print(f"  {point.threshold:4.0%} sure: {point.in_words()}")
    return {
        "threshold": report.threshold,
        "answered": here and here.coverage,
        "right": here and here.selective_accuracy,
        "cost": report.to_json()["cost"],
    }


def _review(args: argparse.Namespace) -> dict[str, Any]:
    with _collector_at_rest():
        from ..workflows.review import review
        from ..workflows.train import Finished, train

    with Project.over(args.data) as project:
        if args.run is None and not project.catalog.runs():
            _last(train(project), Finished)
        seen = review(project, args.run)
        if seen is None:
            raise DataError(f"“{args.data}” has no training called “{args.run}”; name one of those on the page.")
        result = output.of_review(project, seen)
    if not args.json:
        _print_review(result)
    return result


def _print_review(result: dict[str, Any]) -> None:
    print(f"{result['accuracy']:.1%} right of {result['judged']} photos judged")
    for cell in result["confusion"]:
        if cell["label"] != cell["predicted"]:
            first, others = cell["files"][0], len(cell["files"]) - 1
            print(f"  {cell['label']} taken for {cell['predicted']}: {first}{f' and {others} more' if others else ''}")
    for suspect in result["suspects"][:20]:
        print(_doubt(suspect["file"], suspect["label"], suspect["predicted"]))
    for what in ("added", "removed", "relabelled"):
        if result[what]:
            print(f"{len(result[what])} {what} since then")


def _doubt(file: str, label: str, suggested: str) -> str:
    return f"  {file}: is it really {label}? It looks like {suggested}."


def _pictures(paths: Sequence[Path]) -> Iterator[Path]:
    """Files as named, and the files of folders; a name that leads nowhere is an error."""
    for path in paths:
        if path.is_dir():
            yield from (file for name, file in scan(path, Limits()) if not is_junk(name))
        elif path.exists():
            yield path
        else:
            raise DataError(f"There is no file “{path}”; check the name.")


def _line(row: dict[str, Any]) -> str:
    if not row["top"]:
        return f"{row['file']}: {row['reason']}"
    top = ", ".join(f"{guess['label']} {guess['confidence']:.1%}" for guess in row["top"])
    doubt = f"not sure, {row['reason']}: " if row["unsure"] else ""
    return f"{row['file']}: {doubt}{top}"


def _write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """One row per photo. A cell that a spreadsheet would run as a formula gets a quote before it."""
    width = max((len(row["top"]) for row in rows), default=0)
    header = [
        "file",
        "unsure",
        *(f"{kind} {place}" for place in range(1, width + 1) for kind in ("label", "confidence")),
    ]
    try:
        with path.open("w", newline="", encoding="utf-8-sig") as file:
            table = csv.writer(file)
            table.writerow(header)
            for row in rows:
                guesses = [cell for guess in row["top"] for cell in (_inert(guess["label"]), guess["confidence"])]
                table.writerow([_inert(row["file"]), row["unsure"], *guesses])
    except OSError as error:
        raise StorageError(
            f"The table cannot be written to “{path}” ({error.strerror}); name another place."
        ) from error


def _inert(text: str) -> str:
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


_COMMANDS: Mapping[str, Callable[[argparse.Namespace], dict[str, Any] | list[Any]]] = {
    "example": _example,
    "check": _check,
    "train": _train,
    "review": _review,
    "evaluate": _evaluate,
    "predict": _predict,
    "threshold": _threshold,
}


# -- what the commands share


def _print_left_out(files: Sequence[dict[str, str]]) -> None:
    for reason, count in Counter(file["reason"] for file in files).most_common():
        first = next(file["file"] for file in files if file["reason"] == reason)
        print(f"left out: {first}{f' and {count - 1} more' if count > 1 else ''}: {reason}")


def _last(events: Iterator[Any], kind: type[T]) -> T:
    """Runs a story to its end, with its progress on standard error where a person watches."""
    watched = sys.stderr.isatty()
    for event in events:
        if isinstance(event, kind):
            if watched:
                print("\r\033[K", end="", file=sys.stderr)
            return event
        if watched:
            print(f"\r\033[K{_told(event)}", end="", file=sys.stderr, flush=True)
    raise AssertionError("a story ends with its result")


def _told(event: Any) -> str:
    """An event in one line; what stays to be read ends with a new one."""
    if hasattr(event, "sentence"):
        return f"{event.sentence}\n"
    if hasattr(event, "val_accuracy"):
        return (
            f"Round {event.number} of {event.total}: {event.val_accuracy:.1%} of new photos right, "
            f"{event.accuracy:.1%} of those it learns from\n"
        )
    left = f", {event.seconds_left:.0f} s left" if event.seconds_left else ""
    return f"{event.step}: {event.done} of {event.total}{left}"


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """For importing torch: it makes a million objects that all stay, and going over them takes a third of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def leave(code: int) -> NoReturn:
    """Ends the process without taking the interpreter apart, which with torch loaded takes over a second."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
