"""What the package imports and exports. The layers are held by import-linter (``pyproject.toml``), which CI runs."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import classifier
from classifier import errors

ROOT = Path(__file__).parents[1]
PUBLIC = sorted(set(classifier.__all__) - {"__version__"})


@cache
def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.add(node.module.split(".")[0])
    return names


def _modules() -> list[Path]:
    paths = sorted((ROOT / "classifier").rglob("*.py"))
    assert len(paths) > 50
    return paths


@pytest.mark.slow
def test_only_the_page_imports_gradio() -> None:
    for path in _modules():
        if not {"ui", "space_files"} & set(path.relative_to(ROOT).parts):  # the latter is an exported program
            assert not {"gradio", "gradio_client"} & _imports(path), path


def test_nothing_imports_pickle() -> None:
    for path in [ROOT / "app.py", *_modules()]:
        assert not {"pickle", "joblib", "shelve", "dill"} & _imports(path), path


def test_the_data_package_imports_no_torch() -> None:
    for path in (ROOT / "classifier" / "data").rglob("*.py"):
        assert not {"torch", "timm", "torchvision"} & _imports(path), path


def test_importing_the_package_and_asking_for_help_load_no_torch() -> None:
    code = (
        "import sys, classifier, classifier.__main__, classifier.cli.parser\n"
        "classifier.cli.parser.build_parser().format_help()\n"
        "sys.exit(bool({'torch', 'timm', 'sklearn', 'scipy', 'gradio'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_all_is_what_the_readme_documents() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    (table,) = re.findall(r"\| public \| names \|\n\| --- \| --- \|\n((?:\|.*\n)+)", readme)
    assert sorted(re.findall(r"`(\w+)`", table)) == PUBLIC


def test_all_holds_every_error() -> None:
    classes = {name: value for name, value in vars(errors).items() if inspect.isclass(value)}
    names = {name for name, value in classes.items() if issubclass(value, Exception)}
    assert names <= set(PUBLIC)
    assert len(names) == 8


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_is_documented_with_an_example(name: str) -> None:
    value = getattr(classifier, name)
    assert value.__name__ == name
    assert "Example::" in (inspect.getdoc(value) or ""), f"the docstring of {name} shows no example"


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    assert set(classifier.__all__) <= set(dir(classifier))
    with pytest.raises(AttributeError, match="nonsense"):
        _ = classifier.nonsense
