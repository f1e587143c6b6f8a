"""The look of the page: sizes of letters, spaces and colors are variables of ``page.css``, and nowhere else."""

from __future__ import annotations

import re
from pathlib import Path

import classifier.ui
from classifier.ui.colors import COLORS

UI = Path(classifier.ui.__file__).parent
CSS = re.sub(r"/\*.*?\*/", "", (UI / "page.css").read_text("utf-8"), flags=re.DOTALL)


def _variables(selector: str) -> dict[str, str]:
    blocks = re.findall(rf"^{selector} {{\n?(.*?)^}}", CSS, re.MULTILINE | re.DOTALL)
    return dict(re.findall(r"(--pc-[\w-]+):\s*([^;]+);", "".join(blocks)))


VARIABLES = {
    "light": _variables(":root, .light"),
    "dark": _variables(r"\.dark"),
    "both": _variables(r":root, \.light, \.dark"),
}
RULES = re.sub(r"^(:root, \.light|\.dark|:root, \.light, \.dark) \{.*?^\}", "", CSS, flags=re.M | re.S)
SPACES = re.compile(r"(margin|padding)(-[a-z-]+)?|gap|row-gap|column-gap|border-spacing|border-radius|letter-spacing")
COLOR = re.compile(
    r"#[0-9a-fA-F]{3,8}\b|\b(rgb|rgba|hsl|hsla|hwb|lab|lch|oklch|color)\(|(?<!-)\b(white|black|red|gray|grey)\b"
)
LENGTH = re.compile(r"\d*\.?\d+(px|rem|pt)\b|\b[1-9]\d*\.?\d*em\b")


def test_sizes_of_letters_spaces_and_colors_are_variables() -> None:
    wrong = []
    for name, value in re.findall(r"([a-z-]+):\s*([^;{}]+?)\s*[;}]", RULES):
        is_size = name in ("font-size", "line-height", "font-weight") and not value.startswith(("var(", "0", "inherit"))
        if COLOR.search(value) or is_size or (SPACES.fullmatch(name) and LENGTH.search(value)):
            wrong.append(f"{name}: {value}")
    assert wrong == []


def test_every_variable_is_there_and_used() -> None:
    known = {name for values in VARIABLES.values() for name in values}
    code = "".join(path.read_text("utf-8") for path in UI.rglob("*") if path.suffix in (".py", ".js", ".css"))
    used = set(re.findall(r"var\((--pc-[\w-]+)", code))
    assert used - known == {"--pc-class"}  # set by the number of a class
    assert known - used == set()
    assert {name for name in known if re.fullmatch(r"--pc-class-\d+", name)} == {
        f"--pc-class-{n}" for n in range(COLORS)
    }


def test_python_and_scripts_of_the_page_hold_no_look_of_their_own() -> None:
    wrong = []
    for path in sorted(UI.rglob("*")):
        if path.suffix in (".py", ".js"):
            code = path.read_text("utf-8")
            wrong += [(path.name, found[0]) for found in re.finditer(r"#[0-9a-fA-F]{6}\b|\d(px|rem)\b(?!\))", code)]
            styles = re.findall(r'style="([^"]+)"', code)
            wrong += [
                (path.name, style)
                for style in styles
                if not re.fullmatch(r"(--\w+|left|width|;|:|\{[^}]+\}|%)+", style)
            ]
    assert [found for found in wrong if found != ("app.py", "1px")] == []


def test_texts_and_the_colors_of_classes_stand_out_from_what_is_behind_them() -> None:
    for theme in ("light", "dark"):
        colors = VARIABLES["light"] | VARIABLES[theme]
        texts = ("text", "soft", "blue", "orange", "green")
        for ground in ("page", "card", "note"):
            assert [name for name in texts if _contrast(colors, name, ground) < 4.5] == [], (theme, ground)
        assert _contrast(colors, "on-main", "main") >= 4.5
        marks = ("edge", *(f"class-{number}" for number in range(COLORS)))
        assert [name for name in marks if _contrast(colors, name, "card") < 3] == []


def _contrast(colors: dict[str, str], name: str, ground: str) -> float:
    """Return the contrast of WCAG 2, 1 to 21."""
    light, dark = sorted((_luminance(colors[f"--pc-{one}"]) for one in (name, ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    parts = (int(color[start : start + 2], 16) / 255 for start in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
