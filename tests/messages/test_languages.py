"""The tables of languages: what they must hold, what is wrong in one, and how numbers and lists are told."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest

import classifier
from classifier.messages import Code, WordCode, languages, message, percent, sentence, translating
from classifier.messages.data import LeftOutCode, PhotoCode
from classifier.messages.languages import Language, best_of, speaking
from classifier.messages.photos_page import PhotosCode
from classifier.messages.retelling import retold

ROOT = Path(classifier.__file__).parent
TAGS = languages.available()[1:]
RENAMED = PhotosCode.RENAMED  # “{old}” is now “{new}”.
MOVED = PhotosCode.MOVED  # “Moved {count:photo|photos}.”


def told_as(tag: str, code: Code, text: str) -> Language:
    """A language that translates one sentence."""
    return Language(tag, lambda: {(code.key, str(code.value)): text})


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test adds is gone after it."""
    monkeypatch.setattr(languages, "_known", dict(languages._known))


@pytest.mark.parametrize("tag", TAGS)
def test_translations_have_the_arguments_and_forms_of_their_sentences(tag: str) -> None:
    assert translating.faults(languages.find(tag)) == []


@pytest.mark.parametrize("tag", TAGS)
def test_no_translation_is_of_a_sentence_that_is_gone(tag: str) -> None:
    assert translating.unused(languages.find(tag).table) == []


@pytest.mark.parametrize("tag", TAGS)
def test_every_sentence_is_translated(tag: str) -> None:
    assert translating.missing(languages.find(tag).table) == []


def test_a_new_sentence_is_missing_and_an_old_one_unused() -> None:
    gone = "photos_page.PhotosCode.GONE"
    table = {(MOVED.key, "Moved {count} photos."): "x", (gone, "Gone."): "Weg."}
    assert MOVED.key in translating.missing(table)
    assert translating.unused(table) == [gone]


@pytest.mark.parametrize(
    ("tag", "code", "text", "fault"),
    [
        ("de", MOVED, "{count:Foto|Fotos} verschoben.", None),
        ("ja", MOVED, "{count:,} 枚の写真を移動しました。", None),
        ("de", MOVED, "{number:Foto|Fotos} verschoben.", "arguments"),
        ("de", MOVED, "Verschoben.", "arguments"),
        ("de", MOVED, "{count:percent} verschoben.", "no form"),
        ("de", MOVED, "{count:Foto|Fotos|Fotos} verschoben.", "2 plural forms"),
        ("ar", MOVED, "{count:x|y}", "6 plural forms"),
        ("ja", MOVED, "{count:枚|枚}", "1 plural forms"),
        ("de", MOVED, "<b>{count:Foto|Fotos}</b> verschoben.", "tags"),
        ("de", MOVED, "{count:Foto|Fotos} verschoben. ", "blanks"),
        ("de", MOVED, "{count:Foto|Fotos verschoben.", "unmatched"),
        ("ja", WordCode.COMMA, "、", None),
    ],
)
def test_a_wrong_translation_is_found(tag: str, code: Code, text: str, fault: str | None) -> None:
    found = translating.faults(told_as(tag, code, text))
    assert found == [] if fault is None else fault in found[0]


def test_a_table_is_brought_up_to_the_sentences(tmp_path: Path) -> None:
    path = tmp_path / "de.po"
    path.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
        'msgctxt "photos_page.PhotosCode.RENAME"\nmsgid "Rename"\nmsgstr "Umbenennen"\n\n'
        'msgctxt "photos_page.PhotosCode.MOVED"\nmsgid "Moved."\nmsgstr "Verschoben."\n\n'
        'msgctxt "photos_page.PhotosCode.GONE"\nmsgid "Gone."\nmsgstr "Weg."\n',
        "utf-8",
    )
    translating.update(path)
    before = path.read_text("utf-8")
    assert languages.read_table(path) == {(PhotosCode.RENAME.key, PhotosCode.RENAME.value): "Umbenennen"}
    assert f'#, fuzzy\nmsgctxt "{MOVED.key}"\nmsgid "{MOVED.value}"\nmsgstr "Verschoben."\n' in before
    assert "Gone." not in before
    translating.update(path)
    assert path.read_text("utf-8") == before


@pytest.mark.usefixtures("offered")
def test_a_sentence_is_told_in_the_language_of_the_context() -> None:
    languages.add(told_as("de", MOVED, "{count:Foto|Fotos} verschoben."))
    told = message(MOVED, count=1234)
    with speaking("de"):
        assert str(told) == "1.234 Fotos verschoben."
        assert sentence(MOVED, count=1) == "1 Foto verschoben."
        assert str(PhotosCode.RENAME) == PhotosCode.RENAME.value  # English where it is missing
    assert str(told) == "Moved 1,234 photos."


@pytest.mark.usefixtures("offered")
def test_a_number_that_is_none_is_told_in_english() -> None:
    languages.add(told_as("ja", RENAMED, "{old:,} は {new} になりました。"))
    with speaking("ja"):
        assert sentence(RENAMED, old="cat", new="dog") == "“cat” is now “dog”."


@pytest.mark.usefixtures("offered")
def test_an_older_translation_is_not_told() -> None:
    languages.add(Language("de", lambda: {(MOVED.key, "Moved {number} photos."): "{number} Fotos verschoben."}))
    with speaking("de"):
        assert sentence(MOVED, count=2) == "Moved 2 photos."


@pytest.mark.parametrize(
    ("tag", "number", "form"),
    [
        ("en", 0, "b"), ("en", 1, "a"), ("en", 1.0, "a"), ("en", 1.5, "b"), ("fr", 0, "a"), ("fr", 2, "b"),
        ("ja", 1, "a"), ("pl", 1, "a"), ("pl", 3, "b"), ("pl", 5, "c"), ("pl", 1.5, "c"), ("ar", 0, "a"),
        ("ar", 2, "c"), ("ar", 11, "e"), ("ar", 100, "f"),
    ],
)  # fmt: skip
def test_the_form_for_a_number_is_that_of_the_language(tag: str, number: float, form: str) -> None:
    language = Language(tag)
    assert language.plural(number, "abcdef"[: len(language.plural_categories)]) == form


@pytest.mark.parametrize(
    ("tag", "number", "all_of", "when"),
    [
        ("en", "1,234.5", "a, b and c", "2 Mar 2025, 14:15:30"),
        ("de", "1.234,5", "a, b und c", "02.03.2025, 14:15:30"),
        ("fr", "1\u202f234,5", "a, b et c", "2 mars 2025, 14:15:30"),
        ("ja", "1,234.5", "a、b、c", "2025/03/02 14:15:30"),
    ],
)
def test_numbers_lists_and_dates_follow_the_language(tag: str, number: str, all_of: str, when: str) -> None:
    language = Language(tag)
    assert language.number(f"{1234.5:,}") == number
    assert language.all_of(["a", "b", "c"]) == all_of
    assert language.moment(datetime(2025, 3, 2, 14, 15, 30)) == when


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0 %"), (0.001, "under 1 %"), (0.5, "50 %"), (0.994, "99 %"), (0.999, "over 99 %"), (1, "100 %")],
)
def test_a_share_is_never_a_flat_0_or_100_that_it_is_not(share: float, words: str) -> None:
    assert percent(share) == words


@pytest.mark.usefixtures("offered")
@pytest.mark.parametrize(
    ("wanted", "accepted", "tag"),
    [
        ("", "", "en"),
        ("", "de", "de"),
        ("", "de-CH,de;q=0.9,en;q=0.5", "de"),
        ("", "en;q=0.5, de;q=0.9", "de"),
        ("", "pl, zh-TW;q=0.8, de;q=0.7", "zh-CN"),
        ("", "en-US,de", "en"),
        ("", "de;q=0,*;q=x;;,\0", "en"),
        ("zh-CN", "de", "zh-CN"),
        ("en", "de", "en"),
        ("../de", "de", "de"),
        ("xx", "", "en"),
    ],
)
def test_a_visitor_gets_the_chosen_language_or_that_of_the_browser(wanted: str, accepted: str, tag: str) -> None:
    for offered in ("de", "zh-CN"):
        languages.add(Language(offered))
    assert best_of(wanted, accepted) == tag


@pytest.mark.usefixtures("offered")
@pytest.mark.parametrize(
    ("english", "told"),
    [
        ("This is a text, not a picture.", "Das ist ein Text, kein Bild."),
        ("The picture takes more than 1,234 seconds to open; open it in another program and save it as a plain JPEG "
         "or PNG.", "Mehr als 1.234 Sekunden."),
        ("The file is too big: 12.5 megabytes, and at most 10 are read; save the picture smaller.", "12,5 MB statt 10"),
        ("Something that nobody said.", "Something that nobody said."),
    ],
)  # fmt: skip
def test_a_sentence_that_was_stored_in_english_is_told_again(english: str, told: str) -> None:
    table = {
        PhotoCode.TEXT: "Das ist ein Text, kein Bild.",
        PhotoCode.TOO_SLOW: "Mehr als {seconds:Sekunde|Sekunden}.",
        PhotoCode.FILE_TOO_BIG: "{size:megabytes} MB statt {limit:megabytes}",
    }
    languages.add(Language("de", lambda: {(code.key, str(code.value)): text for code, text in table.items()}))
    assert retold(english, LeftOutCode, PhotoCode) == english
    with speaking("de"):
        assert retold(english, LeftOutCode, PhotoCode) == told


def test_each_language_has_a_name_of_its_own() -> None:
    names = {tag: Language(tag).name for tag in ("en", "de", "es", "fr", "zh-CN", "ja")}
    assert list(names.values()) == ["English", "Deutsch", "Español", "Français", "中文", "日本語"]


def test_each_code_is_told_somewhere() -> None:
    sources = "\n".join(path.read_text("utf-8") for path in ROOT.rglob("*.py") if path.parent.name != "languages")
    named = set(re.findall(r"\b(\w+)\.([A-Z][A-Z0-9_]*)\b", sources))
    whole = set(
        re.findall(r"\b([A-Z]\w+)\b(?!\.[A-Z])(?=[\s\[(,)\]:}.])", re.sub(r"(?m)^from .*|^class .*", "", sources))
    )
    unused = [
        key
        for key, code in translating.needed().items()
        if (type(code).__name__, code.name) not in named and type(code).__name__ not in whole
    ]
    assert unused == []
