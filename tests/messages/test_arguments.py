"""Every call that fills a sentence gives the arguments that the sentence has."""

from __future__ import annotations

import ast
import importlib
import string
from collections.abc import Iterator
from pathlib import Path

import classifier
from classifier.messages import Code

ROOT = Path(classifier.__file__).parent
MODULES = sorted(path for path in ROOT.rglob("*.py") if path.parent != ROOT / "messages" or path.stem != "__init__")


def calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str, str]]:
    """Calls whose first argument is a member of an enum, with the names of enum and member."""
    for node in ast.walk(tree):
        first = node.args[0] if isinstance(node, ast.Call) and node.args else None
        if isinstance(node, ast.Call) and isinstance(first, ast.Attribute) and isinstance(first.value, ast.Name):
            yield node, first.value.id, first.attr


def fields(code: Code) -> set[str]:
    """The names of the arguments of a sentence."""
    return {name.partition(".")[0] for _, name, _, _ in string.Formatter().parse(str(code)) if name}


def test_a_sentence_gets_all_its_arguments() -> None:
    for path in MODULES:
        module = importlib.import_module(".".join(("classifier", *path.relative_to(ROOT).with_suffix("").parts)))
        for call, enum, member in calls(ast.parse(path.read_text("utf-8"))):
            code = getattr(getattr(module, enum, None), member, None)
            given = {keyword.arg for keyword in call.keywords}
            if isinstance(code, Code) and fills(call) and None not in given:  # ``**`` hides the names
                assert fields(code) <= given, f"{path}, line {call.lineno}: {code!r}"


def fills(call: ast.Call) -> bool:
    """Return whether a call makes a sentence of its first argument, as its name tells."""
    if isinstance(call.func, ast.Name):
        return call.func.id in ("sentence", "message") or "Error" in call.func.id
    return isinstance(call.func, ast.Attribute) and call.func.attr in ("text", "rich", "sentence", "message")
