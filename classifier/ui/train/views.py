"""One photo of the project as training would vary it."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from torch import Tensor

from ...config import DOMAINS, Domain, Preprocessing
from ...data.images import open_picture
from ...errors import PhotoError
from ...messages import sentence
from ...messages.training_page import TrainCode
from ...models.transforms import eval_transform, train_transform
from .. import html
from ..sessions import Home

_COUNT = 8
_MAX_TRIES = 10  # photos that may turn out to be unusable
_PREPROCESSING = Preprocessing(size=160).with_resize_mode("whole")  # small: all views travel inside the page


def show(home: Home, token: str, mode: str, domain: str) -> str:
    """Return the first photo of the project in eight ways; quick training does not vary photos."""
    project = home.find(token) if mode != "quick" and domain in DOMAINS else None
    if project is None:
        return ""
    with project:
        for photo in project.photos()[:_MAX_TRIES]:
            try:
                picture = open_picture(project.photo_path(photo), 2 * _PREPROCESSING.size)
                return _strip(_views(picture, domain))  # type: ignore[arg-type]  # it is one of DOMAINS
            except (PhotoError, OSError):
                continue
    return ""


def _views(picture: Image.Image, domain: Domain) -> list[bytes]:
    rng = np.random.default_rng(0)  # always the same: the views change with the kind of photos only
    varied = [train_transform(picture, _PREPROCESSING, domain, rng) for _ in range(_COUNT - 1)]
    return [_to_jpeg(view) for view in (eval_transform(_PREPROCESSING)(picture), *varied)]


def _to_jpeg(view: Tensor) -> bytes:
    """Encode a view (3, size, size), uint8, as JPEG."""
    stream = io.BytesIO()
    Image.fromarray(view.permute(1, 2, 0).numpy()).save(stream, "JPEG", quality=82)
    return stream.getvalue()


def _strip(jpegs: list[bytes]) -> str:
    total = len(jpegs) - 1
    names = [str(TrainCode.VIEW_ORIGINAL)]
    names += [sentence(TrainCode.VIEW_VARIED, number=number, total=total) for number in range(1, total + 1)]
    pictures = "".join(html.enlargeable(jpeg, name) for name, jpeg in zip(names, jpegs))
    caption = html.text(TrainCode.VIEWS)
    return f'<figure class="pc-strip"><figcaption>{caption}</figcaption><div>{pictures}</div></figure>'
