"""Sentences of an exported Gradio app."""

from __future__ import annotations

from enum import unique

from . import Code, EnglishCode


@unique
class SpaceCode(EnglishCode):
    """What the Space is called on the Hub."""

    TITLE = "Photo classifier"
    SHORT = "Says what a photo shows, or that it is not sure"


@unique
class SpaceLackCode(Code):
    """What the app cannot do that the program can."""

    FILE_KINDS = "It opens the kinds of photos that Pillow does: JPEG, PNG, WebP and more, but no HEIC of an iPhone."
    DEEP = "Of photos of more than 8 bits it opens gray ones in all their bits; in color it sees the upper 8."


README = """\
---
{front_matter}---

# {title}

A Gradio app that says what a photo shows, or that it is not sure. Made with Photo Classifier.

- **Try it here**: run `pip install -r requirements.txt` and `python app.py` in this folder.
- **Put it online**: make a new Gradio Space on Hugging Face and upload all files. It needs no GPU.
- **Ask it from a program**: `gradio_client.Client(URL).predict(handle_file("photo.jpg"), api_name="/predict")` returns
  the answer, the likeliest classes, and a record with `label`, `unsure`, `unlike_training` and all `confidences`.

`model` is the model with its card; `model.json` holds classes, thresholds and how a photo is prepared.
"""
