"""README and CONTRIBUTING name what there is: networks, settings, commands, variables, packages and stages."""

from __future__ import annotations

import importlib
import re
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
import yaml

import classifier
from classifier.__main__ import main
from classifier.config import DOMAINS, MODES, OPTIMIZERS, RESIZE_MODES, TrainConfig
from classifier.models.backbones import BACKBONES, WEIGHTS_FILE, Backbone
from classifier.models.model_folder import FILES
from classifier.ui.host_limits import HOME_LIMITS, SPACE_LIMITS, HostLimits
from classifier.workflows.public_sets import SETS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def section(title: str) -> str:
    """The text of README below a heading."""
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of a Markdown table whose first heading is given."""
    lines = iter(text.splitlines())
    next(line for line in lines if line.startswith(f"| {heading} |"))
    next(lines)
    table = []
    for line in lines:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split("|")])
    return table


@pytest.mark.parametrize("row", BACKBONES, ids=lambda row: row.name)
def test_the_readme_has_a_row_for_every_network(row: Backbone) -> None:
    license = row.license or "yours"
    numbers = [str(row.megabytes), str(row.size), f"{row.cost:g}"]
    expected = [f"`{row.name}`", row.title, *numbers, row.good_for, row.source, license]
    assert expected in rows(section("Networks"), "`--backbone`")


def test_the_readme_has_a_row_for_every_public_set() -> None:
    expected = [
        [
            f"`{one.name}`", f"{one.photos:,}", str(one.classes), str(one.megabytes), one.source,
            one.license or "none is stated",
        ]
        for one in SETS
    ]  # fmt: skip
    assert rows(section("Command line and Python"), "`--set`") == expected


def test_a_space_fetches_networks_of_the_table_when_it_is_built() -> None:
    front_matter = yaml.safe_load(README.split("---\n")[1])
    files = {f"{row.repository} {WEIGHTS_FILE}" for row in BACKBONES if row.repository and not row.built_in}
    assert set(front_matter["preload_from_hub"]) < files


def test_the_readme_names_every_command_and_option(capsys: pytest.CaptureFixture[str]) -> None:
    commands = (
        "app", "example", "check", "train", "review", "evaluate", "predict", "suggest", "threshold", "export",
        "project",
    )  # fmt: skip
    for arguments in (["--help"], *([command, "--help"] for command in commands)):
        with pytest.raises(SystemExit):
            main(arguments)
    printed = capsys.readouterr().out
    assert set(re.findall(r"^    ([a-z]+)(?: {2,}|$)", printed, re.MULTILINE)) == set(commands)
    for command in commands:
        assert f"python -m classifier {command} " in README
    for option in set(re.findall(r"--[a-z][a-z-]+", printed)) - {"--version", "--per-class"}:
        assert option in README, option


def test_the_readme_has_a_row_for_every_setting() -> None:
    table = {row[1]: row for row in rows(section("Command line and Python"), "option")}
    assert list(table) == [f"`{field.name}`" for field in fields(TrainConfig)]
    for field in fields(TrainConfig):
        option, _, _, default = table[f"`{field.name}`"]
        assert not option or option.startswith(f"`--{field.name.replace('_', '-')}")
        if isinstance(field.default, (int, float)):
            assert float(default) == field.default, field.name
        elif isinstance(field.default, str):
            assert default == f"`{field.default}`", field.name
    for value in (*MODES, *DOMAINS, *OPTIMIZERS, *RESIZE_MODES):
        assert f"`{value}`" in README


def test_the_readme_names_every_environment_variable() -> None:
    code = "\n".join(path.read_text("utf-8") for path in [ROOT / "app.py", *ROOT.glob("classifier/**/*.py")])
    names = set(re.findall(r"CLASSIFIER_[A-Z_]+|GRADIO_SERVER_[A-Z]+", code))
    assert names
    for name in names:
        assert f"`{name}`" in README, name


def test_the_readme_has_a_row_for_every_limit_of_the_host() -> None:
    table = rows(section("Hosting"), "limit")
    assert [row[0] for row in table] == [f"`CLASSIFIER_{field.name.upper()}`" for field in fields(HostLimits)]
    for row, field in zip(table, fields(HostLimits)):
        for said, limits in zip(row[2:], (HOME_LIMITS, SPACE_LIMITS)):
            value = getattr(limits, field.name)
            assert said == ("none" if value == sys.maxsize else str(value)), field.name


def test_the_table_of_packages_names_each_and_fits_ten_rows() -> None:
    table = rows(section("How it works"), "package")
    assert len(table) <= 10
    named = re.findall(r"`([a-z_]+)`", "".join(row[0] for row in table))
    there = {path.stem for path in (ROOT / "classifier").iterdir() if not path.name.startswith("_")}
    assert sorted(named) == sorted(there)


def test_each_of_the_ten_stages_is_where_the_readme_says() -> None:
    table = rows(section("How it works"), "stage")
    assert len(table) == 10
    for _, modules, content in table:
        paths = re.findall(r"`([a-z_/.]+)`", modules)
        assert all((ROOT / "classifier" / path).exists() for path in paths)
        for name in re.findall(r"`([A-Za-z_]+)`", content):
            module = importlib.import_module("classifier." + paths[0].removesuffix(".py").replace("/", "."))
            assert hasattr(module, name), name


def test_contributing_names_only_paths_that_exist() -> None:
    paths = re.findall(r"`((?:classifier|tests|benchmarks|\.ci)/[\w./]*)`", CONTRIBUTING)
    assert len(paths) > 10
    for path in paths:
        assert (ROOT / path).exists(), path


def test_every_file_of_a_checkpoint_is_explained() -> None:
    named = [row[0].strip("`") for row in rows(section("The model folder"), "file")]
    assert sorted(named) == sorted(FILES)


def test_public_results_document_their_fields() -> None:
    results = [kind for name in classifier.__all__ if is_dataclass(kind := getattr(classifier, name))]
    assert len(results) > 5
    for kind in results:
        for field in fields(kind):
            assert f"``{field.name}``" in (kind.__doc__ or ""), f"{kind.__name__}.{field.name}"
