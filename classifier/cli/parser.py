"""The commands of the command line and their options; those of ``train`` are built from ``TrainConfig``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, NoReturn

from .. import __version__
from ..config import Setting, settings
from ..messages import sentence
from ..messages.cli import ArgumentHelp, CommandCode, CommandHelp, OptionHelp
from ..messages.server import ServerCode
from ..messages.settings import setting_label


class _Parser(argparse.ArgumentParser):
    """Explains an error in one sentence, like every other error."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, sentence(CommandCode.MISUNDERSTOOD, why=message, program=self.prog) + "\n")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; its result has the name of the command as ``command``, and ``json`` as a bool."""
    installed = Path(sys.argv[0]).stem == "classifier"
    program = "classifier" if installed else "python -m classifier"
    parser = _Parser(prog=program, description=str(CommandHelp.PROGRAM))
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, dest="command", metavar="COMMAND")
    for name, add_arguments in _COMMANDS.items():
        text = str(CommandHelp[name.upper()])
        sub = commands.add_parser(name, help=text, description=text)
        if name != "app":
            sub.add_argument("--json", action="store_true", help=str(ArgumentHelp.JSON))
        add_arguments(sub)
    return parser


def _app(sub: argparse.ArgumentParser) -> None:
    sub.set_defaults(json=False)
    sub.add_argument("--host", help=str(ServerCode.HOST))
    sub.add_argument("--port", help=str(ServerCode.PORT))
    sub.add_argument("--share", action="store_true", help=str(ServerCode.SHARE))


def _example(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("folder", type=Path, metavar="FOLDER")
    sub.add_argument("--set", metavar="NAME", help=str(ArgumentHelp.SET))
    sub.add_argument("--per-class", type=int, metavar="N", help=str(ArgumentHelp.PER_CLASS))


def _check(sub: argparse.ArgumentParser) -> None:
    _add_data(sub, ArgumentHelp.DATA, keeps=True)


def _train(sub: argparse.ArgumentParser) -> None:
    _add_data(sub, ArgumentHelp.DATA, keeps=True)
    sub.add_argument("--out", type=Path, metavar="FOLDER", help=str(ArgumentHelp.OUT))
    sub.add_argument("--self-check", action="store_true", help=str(ArgumentHelp.SELF_CHECK))
    sub.add_argument("--test", type=Path, metavar="DATA", help=str(ArgumentHelp.TEST))
    sub.add_argument("--test-labels", metavar="HOW", help=str(ArgumentHelp.TEST_LABELS))
    sub.add_argument("--set-apart", type=float, metavar="SHARE", help=str(ArgumentHelp.SET_APART))
    deep = sub.add_argument_group(str(ArgumentHelp.DEEP_GROUP))
    for setting in settings():
        _add_setting(deep if setting.group == "deep" else sub, setting)
    sub.add_argument("--device", metavar="NAME", help=str(ArgumentHelp.DEVICE))


def _review(sub: argparse.ArgumentParser) -> None:
    _add_data(sub, ArgumentHelp.REVIEW_DATA, keeps=True)
    sub.add_argument("--run", metavar="NAME", help=str(ArgumentHelp.RUN))


def _evaluate(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("folder", type=Path, metavar="FOLDER", help=str(ArgumentHelp.MODEL))
    _add_data(sub, ArgumentHelp.DATA)


def _predict(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("folder", type=Path, metavar="FOLDER", help=str(ArgumentHelp.MODEL))
    sub.add_argument("paths", type=Path, nargs="+", metavar="PATH", help=str(ArgumentHelp.PATHS))
    sub.add_argument("--top-k", type=int, default=5, metavar="K", help=_with_default(ArgumentHelp.TOP_K))
    sub.add_argument("--csv", type=Path, metavar="FILE", help=str(ArgumentHelp.CSV))
    sub.add_argument("--sort-into", type=Path, metavar="DIR", help=str(ArgumentHelp.SORT_INTO))


def _suggest(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("folder", type=Path, metavar="FOLDER", help=str(ArgumentHelp.MODEL))
    sub.add_argument("paths", type=Path, nargs="+", metavar="PATH", help=str(ArgumentHelp.PATHS))
    sub.add_argument("--questions", type=int, default=24, metavar="N", help=_with_default(ArgumentHelp.QUESTIONS))


def _threshold(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("folder", type=Path, metavar="FOLDER", help=str(ArgumentHelp.MODEL))
    sub.add_argument("value", type=float, nargs="?", metavar="VALUE", help=str(ArgumentHelp.THRESHOLD))
    sub.add_argument("--cost", action="append", metavar="CLASS=WEIGHT", help=str(ArgumentHelp.COST))
    sub.add_argument("--unsure-cost", type=float, metavar="N", help=str(ArgumentHelp.UNSURE_COST))


def _export(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("folder", type=Path, metavar="FOLDER", help=str(ArgumentHelp.MODEL))
    sub.add_argument("--to", required=True, metavar="FORMAT", help=str(ArgumentHelp.TO))
    sub.add_argument("--out", required=True, type=Path, metavar="PATH", help=str(ArgumentHelp.EXPORT_OUT))
    sub.add_argument("--photos", type=Path, action="append", metavar="DATA", help=str(ArgumentHelp.EXPORT_PHOTOS))
    sub.add_argument("--public", action="store_true", help=str(ArgumentHelp.PUBLIC))
    sub.add_argument("--title", default="", metavar="TEXT", help=str(ArgumentHelp.TITLE))
    sub.add_argument("--show", type=Path, action="append", metavar="PHOTO", help=str(ArgumentHelp.SHOW))
    sub.add_argument("--device", metavar="NAME", help=str(ArgumentHelp.DEVICE))


def _project(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("action", choices=("save", "open", "rename", "undo"), help=str(ArgumentHelp.PROJECT_ACTION))
    sub.add_argument("source", metavar="FROM", help=str(ArgumentHelp.PROJECT_FROM))
    sub.add_argument("target", nargs="?", metavar="TO", help=str(ArgumentHelp.PROJECT_TO))
    sub.add_argument("title", nargs="?", metavar="TITLE", help=str(ArgumentHelp.PROJECT_TITLE))
    sub.add_argument("--without-photos", action="store_true", help=str(ArgumentHelp.WITHOUT_PHOTOS))


_COMMANDS = {
    "app": _app,
    "example": _example,
    "check": _check,
    "train": _train,
    "review": _review,
    "evaluate": _evaluate,
    "predict": _predict,
    "suggest": _suggest,
    "threshold": _threshold,
    "export": _export,
    "project": _project,
}


def _add_data(sub: argparse.ArgumentParser, text: ArgumentHelp, keeps: bool = False) -> None:
    """Add the photos of a command, and the options that say how they are read; ``keeps``: in a project that stays."""
    sub.add_argument("data", type=Path, nargs="*" if keeps else "+", metavar="DATA", help=str(text))
    sub.set_defaults(project=None)
    if keeps:
        sub.add_argument("--project", type=Path, metavar="DIR", help=str(ArgumentHelp.PROJECT))
    sub.add_argument("--labels", metavar="HOW", help=str(ArgumentHelp.LABELS))
    sub.add_argument("--groups", metavar="HOW", default="auto", help=_with_default(ArgumentHelp.GROUPS))
    sub.add_argument("--max-files", type=int, metavar="N", help=str(ArgumentHelp.MAX_FILES))
    sub.add_argument("--reduced", action="store_true", help=str(ArgumentHelp.REDUCED))


def _add_setting(group: Any, setting: Setting) -> None:
    """Add the option of a field of ``TrainConfig``: ``learning_rate`` becomes ``--learning-rate``."""
    text = OptionHelp.__members__.get(setting.name.upper()) or setting_label(setting.name)
    values: dict[str, Any] = (
        {"choices": setting.choices}
        if setting.choices
        else {"type": setting.kind, "metavar": "NAME" if setting.kind is str else "N"}
    )
    help_text = sentence(ArgumentHelp.CHOSEN_BY_TIME, text=text) if setting.optional else _with_default(text)
    group.add_argument(_option(setting.name), default=setting.default, help=help_text, **values)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _with_default(text: object) -> str:
    return sentence(ArgumentHelp.WITH_DEFAULT, text=text)
