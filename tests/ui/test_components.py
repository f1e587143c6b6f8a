"""Scripts of the page get their sentences from Python."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from classifier.messages import Code
from classifier.messages.page import DropScript, ViewerScript
from classifier.messages.photos_page import GridScript
from classifier.messages.try_page import AnswersScript
from classifier.ui import components

UI = Path(components.__file__).parent
SCRIPTS: dict[str, type[Code]] = {
    "drop.js": DropScript, "photos/grid.js": GridScript, "predict/answers.js": AnswersScript, "viewer.js": ViewerScript,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_a_script_uses_exactly_the_sentences_it_is_given(name: str) -> None:
    used = set(re.findall(r'say\("(\w+)"', (UI / name).read_text("utf-8")))
    assert used == {code.id for code in SCRIPTS[name]}
    loaded = components.load_script(UI / name, SCRIPTS[name])
    given = json.loads(re.match(r"const sentences = (.*);\n", loaded).group(1))  # type: ignore[union-attr]
    assert given == {code.id: str(code) for code in SCRIPTS[name]}


@pytest.mark.parametrize("path", sorted(UI.rglob("*.js")), ids=lambda path: path.name)
def test_no_script_holds_a_sentence_of_its_own(path: Path) -> None:
    code = re.sub(r"//.*", "", path.read_text("utf-8"))
    texts = re.findall(r'"([^"]*)"|`([^`]*)`', code)
    assert not [text for pair in texts for text in pair if re.search(r"[A-Z][a-z]+ \w+ |…|\w\.$", text)]
