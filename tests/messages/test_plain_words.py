"""The page speaks in plain words: none of the field's terms outside what is below “Advanced”."""

from __future__ import annotations

import importlib
import pkgutil
import re

import classifier.messages as messages
from classifier.messages import Code

# Settings are below “Advanced”; the command line and programs are for people who know the words.
TECHNICAL = {
    "cli",
    "config",
    "settings",
    "share_api",
    "server",
    "hub",
    "device",
    "languages",
    "translating",
    "model_card",
}
TERMS = re.compile(
    r"\b(logits?|epochs?|batch(es)?|backbones?|tensors?|softmax|checkpoints?|gradients?|embeddings?|hyperparameters?"
    r"|weight decay|overfit\w*|fine-tun\w*|inference|dataset|augment\w*|linear head|stages?)\b",
    re.IGNORECASE,
)
# For who runs the page; the setting that is named by the limit; a table of the command line.
ALLOWED = {"LimitCode.EPOCHS", "NearCode.EPOCHS", "TryCode.DEMO_EMPTY", "TryCode.NO_SHARED_MODEL", "OverfitCode.BATCH"}
PLACEHOLDER = re.compile(r"\{\w+")


def page_codes() -> list[Code]:
    """Return the codes of every module whose sentences the page shows."""
    modules = [one.name for one in pkgutil.iter_modules(messages.__path__) if one.name not in TECHNICAL]
    found = [vars(importlib.import_module(f"classifier.messages.{name}")).values() for name in modules]
    enums = {one for values in found for one in values if isinstance(one, type) and issubclass(one, Code)}
    return [code for enum in enums for code in enum]


def test_sentences_of_the_page_use_plain_words() -> None:
    codes = page_codes()
    assert len(codes) > 500
    technical = {
        f"{type(code).__name__}.{code.name}" for code in codes if TERMS.search(PLACEHOLDER.sub("", code.value))
    }
    assert technical <= ALLOWED
