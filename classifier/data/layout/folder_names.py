"""Words in folder names that say what a folder is: never a class, a mask, a part, a date, a group.

Lists of words are own code: no library knows how people name the folders of their data sets.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from .split_names import split_of

Dirs = tuple[str, ...]

_CACHED = 2**16  # names of folders

_CONTAINERS = frozenset(
    "images image img imgs picture pictures pics photo photos foto fotos bild bilder imagenes imagens jpegimages data "
    "dataset datasets database input inputs files all jpg png jpeg 图片 图像 照片 写真 画像 数据 数据集".split()
)
_FORMS = frozenset(
    "original originals orig augmented augmentation augmentations aug crops cropped raw resized rgb unprocessed "
    "processed preprocessed normalized".split()
)
_MASKS = frozenset(
    "mask masks label labels annotation annotations annot annots segmentation segmentations groundtruth gt xml xmls "
    "labelmap labelmaps bbox bboxes boxes trimap trimaps heatmap heatmaps".split()
)
SINGULAR_MASKS = frozenset({"mask", "label"})  # may be classes: beside “no_mask”, or of labels on bottles
_MASK_FILLERS = _CONTAINERS | frozenset("set ground truth class object binary train val valid test training".split())
_UNLABELED = frozenset(
    "unlabeled unlabelled unannotated unsorted nolabel nolabels notlabeled notlabelled pred predict prediction".split()
)
_DOCUMENTS = frozenset(
    "doc docs documentation readme result results output outputs plot plots figure figures figs fig screenshot "
    "screenshots static templates notebook notebooks src".split()
)
_REPOSITORY = _DOCUMENTS | frozenset(
    "assets demo demos example examples sample samples code app web website template public media uploads logs model "
    "models weights report reports presentation slides icons logo logos exemple beispiel beispiele ejemplo ejemplos "
    "exemplo exemplos".split()
)
_NUMBERED = frozenset("part parts batch batches chunk chunks shard shards archive fold folds dir folder upload".split())
_UNNAMED = frozenset(
    "new folder untitled neuer ordner nouveau dossier nueva carpeta nova pasta unnamed camera roll dcim screenshots "
    "screenshot downloads download whatsapp telegram instagram saved pictures snapchat recents favorites selfies "
    "icloud onedrive dropbox google album albums "
    "bilder images photos from 新建文件夹 新しいフォルダー".split()
)
_SIZES = frozenset(
    "small large medium big tiny full thumb thumbs thumbnail thumbnails low high lowres highres res resolution size "
    "sizes px x hd sd gray grey grayscale greyscale color colour segmented masked blurred noisy compressed scale "
    "zoom magnification".split()
)
_GROUPS = frozenset(
    "patient case video clip sequence session scene frames day batch visit scan exam study series camera cam burst "
    "subject participant".split()
)
_GENERIC = (
    _CONTAINERS | _FORMS | _NUMBERED | _UNNAMED
    | frozenset(
        "set sets my the of a for and collection sample samples file export exported project work final version v full "
        "complete zip kaggle unzipped extracted backup copy tmp temp misc stuff media gallery album desktop documents "
        "classification classifier classify recognition detection training machine deep learning ml ai cnn".split()
    )
)  # fmt: skip
_CAMEL = re.compile(r"(?<=[a-z]{2})(?=[A-Z])")
_BETWEEN = re.compile(r"[\W_\d]+")
_COPY = re.compile(r"\s*\(\d+\)$")  # images (1)
_DRIVE = re.compile(r"(.*-)?\d{8}T\d{6}Z(-\d+){1,2}")  # Google Drive: flowers-20240101T101010Z-001
# of cameras and phones, by the rule of DCF: 100APPLE
_CAMERA_FOLDER = re.compile(
    r"[1-9]\d\d(APPLE|CANON|NIKON|MEDIA|MSDCF|OLYMP|_PANA|ANDRO|_DCIM|GOPRO|_FUJI|RICOH|CASIO|KODAK|LEICA|SSCAM|PHOTO"
    r"|CLOUD|NCD..|ND...|NZ...|D\d{4}|EOS..)|DCIM",
    re.IGNORECASE,
)
_DATE = re.compile(r"(\d{4}[-_. ]?\d{2}[-_. ]?\d{2}|\d{1,2}[-_. ]\d{1,2}[-_. ]\d{2,4}|\d{8})([-_ T]?\d{4,6})?")
_SHORT_NUMBER = re.compile(r"\d{1,3}([x_-]\d{1,3})?", re.IGNORECASE)  # 64, 64x64
_YEAR = re.compile(r"(19|20)\d\d([-_. ]\d\d)?")


@lru_cache(maxsize=_CACHED)
def words_of(folder: str) -> tuple[str, ...]:
    """Return the words of a folder's name in small letters, without numbers; camelCase is two words."""
    whole = folder.strip().casefold()
    if whole in _CONTAINERS:
        return (whole,)
    return tuple(word for word in _BETWEEN.split(_CAMEL.sub(" ", folder).casefold()) if word)


def _all_in(folder: str, *kinds: frozenset[str]) -> bool:
    words = words_of(folder)
    return bool(words) and all(any(word in kind for kind in kinds) for word in words)


@lru_cache(maxsize=_CACHED)
def is_container(folder: str) -> bool:
    """Return whether a folder's name says only that there are pictures in it: images, raw data, 100APPLE.

    With a number (data-28 beside data-64) it says which ones.
    """
    name = folder.strip()
    if _all_in(folder, _CONTAINERS):
        return not _is_numbered(name)
    return bool(_DRIVE.fullmatch(name) or _CAMERA_FOLDER.fullmatch(name))


def _is_numbered(name: str) -> bool:
    return any(letter.isdigit() for letter in _COPY.sub("", name))


def is_form(folder: str) -> bool:
    """Return whether a folder's name says in which form pictures are: original, augmented, crops."""
    forms = any(word in _FORMS for word in words_of(folder))
    return forms and _all_in(folder, _FORMS, _CONTAINERS) and not _is_numbered(folder)


def is_mask_folder(folder: str) -> bool:
    """Return whether a folder's name says that it holds masks, labels or annotations."""
    words = words_of(folder)
    return any(word in _MASKS for word in words) and all(word in _MASKS or word in _MASK_FILLERS for word in words)


def is_unlabeled(folder: str) -> bool:
    """Return whether a folder's name says that its photos have no label."""
    words = words_of(folder)
    joined = "".join(words)
    return joined in _UNLABELED or (len(words) > 1 and words[-1] in ("pred", "unlabeled", "unlabelled"))


def is_beside(folder: str, certainly: bool = False) -> bool:
    """Return whether a folder is named like one beside the data of a project: docs, results, plots, sample images.

    ``certainly`` leaves out names that may be classes, as icons.
    """
    kind = _DOCUMENTS if certainly else _REPOSITORY
    return _all_in(folder, kind, _CONTAINERS) and any(word in kind for word in words_of(folder))


def is_date(folder: str) -> bool:
    """Return whether a folder's name is a date, or a year with words that say nothing: Photos from 2021."""
    name = folder.strip()
    if _DATE.fullmatch(name):
        return True
    year = _YEAR.search(name)
    return bool(year) and all(word in _UNNAMED or word in _CONTAINERS for word in words_of(folder))


def is_group(folder: str) -> bool:
    """Return whether a folder's name is that of a patient, a video, a session and the like, with its number."""
    words = words_of(folder)
    return len(words) == 1 and words[0] in _GROUPS and any(letter.isdigit() for letter in folder)


def are_versions(folders: Collection[str]) -> bool:
    """Return whether folders are named like versions of the same pictures: small and large, 28 and 64."""
    kinds = (_SIZES, _FORMS, _CONTAINERS)
    return all(_SHORT_NUMBER.fullmatch(folder.strip()) or _all_in(folder, *kinds) for folder in folders)


def say_nothing(folders: set[str]) -> bool:
    """Return whether the names of folders are no names of classes: numbered parts, new folders, those of a phone."""
    if all(_all_in(folder, _UNNAMED, _CONTAINERS) for folder in folders):
        return True
    if len(folders) < 2 or not all(any(letter.isdigit() for letter in folder) for folder in folders):
        return False
    words = {words_of(folder) for folder in folders}
    return len(words) == 1 and any(word in _NUMBERED or word in _CONTAINERS for word in next(iter(words)))


def names_a_class(folder: str) -> bool:
    """Return whether a single folder may be a class by its name: it says something, and not only what any folder is."""
    if is_container(folder) or split_of(folder) or is_unlabeled(folder) or is_date(folder):
        return False
    if is_mask_folder(folder) and folder.strip().casefold() not in SINGULAR_MASKS:
        return False
    words = [word for word in words_of(folder) if not split_of(word)]
    return not (words_of(folder) and all(word in _GENERIC for word in words)) and not is_group(folder)
