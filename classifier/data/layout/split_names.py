"""Folder names that mean a split: the usual words of several languages, with what people add to them."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_WORDS = {
    "train": "train training trainings trained trn tr treino treinamento treinar entrenamiento entreno entrainement "
    "apprentissage addestramento lernen learn learning обучение обучающая тренировка 训练 訓練 学習 학습 훈련",
    "val": "val valid validate validation validating dev devel development eval evaluation validacao validacion "
    "validierung validazione валидация 验证 驗證 検証 검증",
    "test": "test testing tests tst te holdout heldout teste testes prueba pruebas testdaten essai prova тест тестовая "
    "测试 測試 テスト 評価 테스트",
}
_SPLIT_OF = {word: split for split, words in _WORDS.items() for word in words.split()}
# Words that people add to the word of a split and that say nothing by themselves.
_FILLERS = set(
    "set sets data dataset datasets images image img imgs folder folders photos photo pictures picture pics files dir "
    "directory split splits samples examples part daten datos dados bilder imagenes fotos".split()
)
_CJK_SUFFIXES = ("集", "用", "データ", "数据", "數據", "组", "組")
_GLUED = re.compile(
    r"(training|train|trn|testing|test|tst|validation|valid|val|dev|eval)"
    r"(sets?|data|datasets?|images?|imgs?|photos?|pictures?|files|folder|samples|split)"
)


@lru_cache(maxsize=4096)
def split_words(folder: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the split that a folder's name means and the other words in it, or None.

    “Training Images” is ``("train", ())``, “seg_train” is ``("train", ("seg",))``. Words of two letters count only
    without digits: TR01 is a plot.
    """
    words = _words(folder)
    if "out" in words and {"held", "hold"} & set(words):
        return "test", tuple(sorted(set(words) - {"held", "hold", "out"}))
    splits = [word for word in words if word in _SPLIT_OF]
    if len(splits) != 1:
        return None
    if splits[0] in ("tr", "te") and folder.strip().casefold() != splits[0]:
        return None
    return _SPLIT_OF[splits[0]], tuple(sorted(set(words) - {splits[0]}))


def _words(folder: str) -> list[str]:
    """The words of a name in small letters, without accents, numbers and fillers."""
    spaced = re.sub(r"(?<=[a-zа-я])(?=[A-ZА-Я])", " ", unicodedata.normalize("NFC", folder)).casefold()
    words: list[str] = []
    for word in re.split(r"[\W_\d]+", spaced):
        plain = "".join(letter for letter in unicodedata.normalize("NFKD", word) if not unicodedata.combining(letter))
        plain = unicodedata.normalize("NFC", plain)
        if any("\u3040" <= letter <= "\u9fff" for letter in word):
            plain = word
            for suffix in _CJK_SUFFIXES:
                plain = plain.removesuffix(suffix)
        glued = _GLUED.fullmatch(plain)
        if glued:
            plain = glued[1]
        if plain and plain not in _FILLERS:
            words.append(plain)
    return words
