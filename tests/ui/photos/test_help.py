"""The help of the Photos tab."""

from __future__ import annotations

import re

from classifier.ui.photos import help


def test_six_ways_are_shown_each_with_the_tree_of_its_files() -> None:
    shown = help.ways()
    trees = re.findall(r"<pre>(.*?)</pre>", shown, re.DOTALL)
    assert len(trees) == 6
    assert all("/" in tree or ".zip" in tree for tree in trees)
    assert max(len(line) for tree in trees for line in tree.splitlines()) <= 36  # fits the screen of a phone
    assert "&lt;b&gt;" not in shown
