"""What the command line takes: its commands and their options, from the defaults of ``TrainConfig``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NoReturn

from .. import __version__
from ..config import DOMAINS, MODES, OPTIMIZERS, TrainConfig

DATA_HELP = "a folder of class folders, a folder holding train/ and val/ or test/, or a zip of either"


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, as every other error is said."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"This command cannot be understood ({message}); “{self.prog} --help” says what it takes.\n")


def parser() -> argparse.ArgumentParser:
    """What the command line takes; ``command`` is the name of the command, ``json`` whether it answers in JSON."""
    whole = _Parser(
        prog="python -m classifier",
        description="Teach an image classifier with your own photos. The page is started with “python app.py”.",
    )
    whole.add_argument("--version", action="version", version=__version__)
    commands = whole.add_subparsers(required=True, dest="command", metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("--json", action="store_true", help="print the result as one JSON object on the last line")
        return sub

    sub = command("example", "draw a small photo-like set into a folder")
    sub.add_argument("folder", type=Path, metavar="FOLDER")
    sub.add_argument(
        "--per-class", type=int, default=24, metavar="N", help="photos of each class (default %(default)s)"
    )

    sub = command("check", "say what the photos look like before training")
    sub.add_argument("data", type=Path, metavar="DATA", help=DATA_HELP)

    _train(command("train", "train a model and write it to a folder"))

    sub = command("review", "show the photos behind a score, and those that may be mislabelled")
    sub.add_argument(
        "data", type=Path, metavar="DATA", help=f"{DATA_HELP}, trained on quickly; or a project of the page"
    )
    sub.add_argument("--run", metavar="NAME", help="which training of the project (default: the newest)")

    sub = command("evaluate", "judge a model on labelled photos")
    sub.add_argument("folder", type=Path, metavar="FOLDER", help="the model")
    sub.add_argument("data", type=Path, metavar="DATA", help=DATA_HELP)

    sub = command("predict", "say what photos show")
    sub.add_argument("folder", type=Path, metavar="FOLDER", help="the model")
    sub.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="photos, or folders of photos")
    sub.add_argument("--top-k", type=int, default=5, metavar="K", help="answers per photo (default %(default)s)")
    sub.add_argument("--csv", type=Path, metavar="FILE", help="also write the answers as a table")

    sub = command("threshold", "say what it costs to answer only when sure, or keep how sure is enough")
    sub.add_argument("folder", type=Path, metavar="FOLDER", help="the model")
    sub.add_argument(
        "value", type=float, nargs="?", metavar="VALUE", help="from 0 (always answer) to 1; kept in the model"
    )
    return whole


def _train(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("data", type=Path, metavar="DATA", help=DATA_HELP)
    sub.add_argument("--out", type=Path, metavar="FOLDER", help="where the model goes")
    sub.add_argument("--self-check", action="store_true", help="only try whether training can work, and show why not")
    sub.add_argument("--test", type=Path, metavar="DIR", help="class folders to judge the finished model on")
    defaults = TrainConfig()
    sub.add_argument("--mode", choices=MODES, default=defaults.mode, help="default %(default)s")
    sub.add_argument(
        "--backbone", default=defaults.backbone, metavar="NAME", help="a timm network (default %(default)s)"
    )
    sub.add_argument(
        "--domain", choices=DOMAINS, default=defaults.domain, help="kind of pictures (default %(default)s)"
    )
    sub.add_argument("--seed", type=int, default=defaults.seed, metavar="N", help="default %(default)s")
    deep = sub.add_argument_group("deep training")
    deep.add_argument(
        "--minutes",
        type=float,
        default=defaults.minutes,
        metavar="N",
        help="about how long it may take; 0: as long as it takes (default %(default)s)",
    )
    deep.add_argument(
        "--unfreeze", type=int, metavar="N", help="how many of the last stages learn (default: by the time)"
    )
    deep.add_argument("--epochs", type=int, metavar="N", help="rounds over the photos (default: by the time)")
    deep.add_argument(
        "--batch", type=int, default=defaults.batch, metavar="N", help="photos per correction (default %(default)s)"
    )
    deep.add_argument(
        "--learning-rate",
        type=float,
        default=defaults.learning_rate,
        metavar="R",
        help="of the last stage; the head learns faster, the first stages more slowly (default %(default)s)",
    )
    deep.add_argument(
        "--optimizer", choices=OPTIMIZERS, default=defaults.optimizer, help="rule of correction (default %(default)s)"
    )
    sub.add_argument("--device", metavar="NAME", help="cpu, cuda, cuda:1 or mps (default: the best there is)")
