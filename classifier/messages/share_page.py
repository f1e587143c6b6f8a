"""Sentences of the Share tab."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class ShareCode(Code):
    """The Share tab: choose a model and a format, make the file, download it."""

    TAB = "5 · Share"
    NO_MODEL_YET = "Train first; then your model can be taken away from here."
    INTRO = (
        "A model is yours to take away. Whatever is made here is opened again and compared with your model on photos "
        "before you get it: it answers the same, or you get nothing."
    )
    MODEL = "Which model"
    FORMAT = "In which form"
    SHOW = "Show photos of mine with it, {most} at most (a web page without any shows drawn pictures)"
    SEEN_BY_ALL = (
        "Choose up to {most}. Everybody who gets the file, or opens the page, sees them; a page also checks itself on "
        "them when it opens."
    )
    SHOW_PHOTO = "Show {name} (“{label}”)"
    NO_PHOTOS = "There are no photos here any more, so none can be shown."
    MAKE = "Make it"
    LACKS = "What this file cannot do by itself"
    PHONES = (
        "For TensorFlow Lite or Core ML, convert the ONNX file, with onnx2tf or coremltools, and compare the answers: "
        "that is not checked here."
    )
    NO_FORMAT = "Choose what to make of the model first."


@unique
class FormatCode(Code):
    """What each format is, and who would want it; in the order of the page."""

    ZIP = "Zip of the model: to keep it, and to open it again here or with Python (timm, transformers)"
    WEB = "Web page: for phones and laptops, runs in their browser without a server and without a connection"
    HUB = "Hugging Face model: a folder to put on the Hugging Face Hub, with a card that tells how good it is"
    SPACE = "Gradio app: a small web app with this model, for your computer or a Hugging Face Space"
    ONNX = "ONNX: for people who program, runs on nearly every system, in C++, C#, Java, JavaScript and more"
    PT2 = "PyTorch export: for people who program with PyTorch and do not want to install this program"
