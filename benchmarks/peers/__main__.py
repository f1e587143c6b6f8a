"""Train and test by one recipe; print the result as JSON.

python -m benchmarks.peers RECIPE TRAIN TEST      (RECIPE: tm, fastai or lpft; TRAIN/<class>/… and TEST/<class>/…)
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from . import RECIPES
from .photos import Photos


def main() -> None:
    """Run the recipe that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", choices=RECIPES)
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    args = parser.parse_args()
    train = Photos.read(args.train)
    test = Photos.read(args.test, train.classes)
    y_pred = RECIPES[args.recipe](train, test)
    accuracy = (y_pred == test.y).float().mean().item()
    print(json.dumps({"images": len(train), "test_images": len(test), "test_accuracy": accuracy}))


if __name__ == "__main__":
    main()
