"""Folder names that mean a split: the usual words of several languages, with what people add to them."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_WORDS = {
    "train": "train training trainings trained trainval trn tr treino treinamento treinar entrenamiento entreno "
    "entrainement apprentissage addestramento allenamento lernen learn learning trainingsdaten trainingsbilder "
    "trainingsset обучение обучающая тренировка тренировочная 训练 訓練 学習 학습 훈련",
    "val": "val valid validate validation validating dev devel development eval evaluation validacao validacion "
    "validierung validierungsdaten validierungsset validazione валидация проверка проверочная 验证 驗證 検証 검증",
    "test": "test testing tests tst te holdout heldout teste testes prueba pruebas testdaten testbilder testset essai "
    "prova prove тест тестирование тестовая 测试 測試 テスト 評価 테스트 시험",
}
_SPLIT_OF = {word: split for split, words in _WORDS.items() for word in words.split()}
# Words that people add to the word of a split and that say nothing by themselves.
_FILLERS = set(
    "set sets data dataset datasets images image img imgs folder folders photos photo pictures picture pics files dir "
    "directory split splits samples examples part public private the of for de del da di du des le la para zum zur "
    "conjunto daten datos dados donnees bilder imagenes imagens fotos".split()
)
_CJK_SUFFIXES = (
    "集", "用", "データ", "セット", "数据", "數據", "资料", "样本", "图像", "图片", "画像", "组", "組",
    "데이터", "세트", "용",
)  # fmt: skip
_GLUED = re.compile(
    r"(training|train|trn|testing|test|tst|validation|valid|val|dev|eval)"
    r"(sets?|data|datasets?|images?|imgs?|photos?|pictures?|files|folder|dir|samples|split)"
)
_CAMEL = re.compile(r"(?<=[a-zа-я])(?=[A-ZА-Я])")
_BETWEEN = re.compile(r"[\W_\d]+")
_TWO_LETTERS = ("tr", "te")


@lru_cache(maxsize=4096)
def split_words(folder: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the split that a folder's name means and the other words in it, or None.

    “Training Images” is ``("train", ())``, “seg_train” is ``("train", ("seg",))``. Words of two letters count only
    without digits: TR01 is a plot.
    """
    words = name_words(folder)
    if "out" in words and {"held", "hold"} & set(words):
        return "test", tuple(sorted(set(words) - {"held", "hold", "out"}))
    splits = [word for word in words if word in _SPLIT_OF]
    meanings = {_SPLIT_OF[word] for word in splits}
    if meanings == {"train", "val"} and len(splits) == 2:
        return "train", tuple(sorted(set(words) - set(splits)))  # train_val: what is not for testing
    if len(splits) != 1 or (splits[0] in _TWO_LETTERS and any(letter.isdigit() for letter in folder)):
        return None
    return _SPLIT_OF[splits[0]], tuple(sorted(set(words) - {splits[0]}))


@lru_cache(maxsize=4096)
def split_of(folder: str) -> str | None:
    """Return the split that a name means if it says nothing else, or None."""
    found = split_words(folder)
    return found[0] if found and not found[1] else None


def name_words(name: str) -> list[str]:
    """Return the words of a name in small letters, without accents, numbers and words that say nothing."""
    spaced = _CAMEL.sub(" ", unicodedata.normalize("NFC", name)).casefold()
    words = [_plain(word) for word in _BETWEEN.split(spaced)]
    return [word for word in words if word and word not in _FILLERS]


def _plain(word: str) -> str:
    if word.isascii():
        glued = _GLUED.fullmatch(word)
        return glued[1] if glued else word
    if any("\u3040" <= letter <= "\u9fff" or "\uac00" <= letter <= "\ud7a3" for letter in word):
        while shorter := next((word.removesuffix(s) for s in _CJK_SUFFIXES if word.endswith(s) and word != s), ""):
            word = shorter
        return word
    letters = (letter for letter in unicodedata.normalize("NFKD", word) if not unicodedata.combining(letter))
    plain = unicodedata.normalize("NFC", "".join(letters))
    return _plain(plain) if plain.isascii() else plain
