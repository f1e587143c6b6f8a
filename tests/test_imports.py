"""What may import what. The layers themselves are held by import-linter (``pyproject.toml``), which CI runs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.add(node.module.split(".")[0])
    return names


def test_only_the_page_imports_gradio() -> None:
    for path in (ROOT / "classifier").glob("*.py"):
        assert "gradio" not in _imports(path), path.name


def test_nothing_imports_pickle() -> None:
    for path in [ROOT / "app.py", *(ROOT / "classifier").rglob("*.py")]:
        assert not {"pickle", "joblib", "shelve", "dill"} & _imports(path), path.name


def test_importing_the_package_and_asking_for_help_load_no_torch() -> None:
    code = "import sys, classifier, classifier.__main__; sys.exit('torch' in sys.modules or 'timm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
