"""The sentences of an exported page, which go into its files, and of its export."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class WebPageCode(Code):
    """What an exported page says. Its script fills in {name} and {count:one|several}, and no other form."""

    TITLE = "Photo classifier"
    INTRODUCTION = "What does a photo show? This page answers by itself: your photos stay on this device."
    NEEDS_SERVER = (
        "One moment … If this stays here, the page was opened as a file, or JavaScript is off: put its folder on a web "
        "server (see README.md in it), since browsers start nothing from single files."
    )
    LOADING = "Loading the model, {megabytes} MB, once …"
    READY = "Ready. Checked on this device: {total:picture|pictures} answered as expected."
    READY_OFFLINE = (
        "Ready, from now on without internet, too. Checked on this device: {total:picture|pictures} answered as "
        "expected."
    )
    CHECK_FAILED = (
        "This browser answers differently from the program that made the page: only {right} of {total} pictures came "
        "out as expected. Its answers cannot be relied on; try another browser, or turn off protection against "
        "fingerprinting for this page."
    )
    NOT_LOADED = "The model could not be loaded. Reload the page; if that does not help, try a newer browser."
    KEPT_OFFLINE = "This page is kept on this device and opens without internet."
    NOT_KEPT = "This browser does not keep the page: without internet it will not open."
    CHOOSE_PHOTOS = "Choose photos"
    USE_CAMERA = "Use the camera"
    DROP_HERE = "or drop photos anywhere on this page"
    CAMERA = "Camera"
    STOP_CAMERA = "Stop the camera"
    TURN_CAMERA = "Other camera"
    CAMERA_STARTING = "Starting the camera …"
    CAMERA_REFUSED = "The camera is not allowed here: allow it in the browser's settings for this page."
    CAMERA_MISSING = "No camera was found on this device."
    CAMERA_FAILED = "The camera cannot be used; another program may be using it."
    ANSWERS = "Answers"
    CLEAR = "Clear"
    WAITING = "Waiting …"
    WORKING = "Photo {done} of {total} …"
    DONE = "{count:photo|photos} answered."
    ANSWER_SURE = "{label}, {share}"
    ANSWER_LOW = "Not sure; most likely {label}, {share}"
    ANSWER_UNLIKE = "Unlike the training photos; closest to {label}"
    OVER_99 = "over 99 %"
    UNDER_1 = "under 1 %"
    DEEP = "This photo has more than 8 bits a color; a browser reads only 8 of them, so the answer may differ."
    UNREADABLE = "This browser cannot read the file as a photo."
    ELONGATED = "This picture is too long and thin."
    FAILED = "This photo could not be answered; it may be too large for this device."
    ABOUT = "About this page"
    CLASSES = "What it can answer"
    MODEL = "The model"
    LICENSE = "License of ONNX Runtime, which runs the model"
    VERIFIED = (
        "Before the page was handed over, its model gave the same answer as the program on {same} of "
        "{photos:picture|pictures}."
    )


@unique
class WebFactCode(Code):
    """What the page says of its model; filled in when it is exported."""

    TRAINED_ON = "Trained on {images:photo|photos} of {classes:class|classes}."
    SCORE = "{score}"
    UNSURE = "It says “not sure” where its confidence is under {threshold:percent}."
    UNSURE_BY_CLASS = (
        "It says “not sure” where its confidence is under the threshold of the class, {low:percent} to {high:percent}."
    )
    UNLIKE = "It says so where a photo is unlike all photos that it was trained on."


@unique
class WebLackCode(Code):
    """What the page cannot do that the program can."""

    FILE_KINDS = (
        "Browsers open JPEG, PNG, WebP, GIF, BMP and mostly AVIF; TIFF not, and HEIC only in Safari. WebP photos with "
        "a note that they are to be turned stay as they are."
    )
    DECODING = (
        "Chromium and Firefox decode photos as this program does (AVIF and half transparent ones nearly); another "
        "browser may differ a little. The page checks itself on three pictures when it opens."
    )
    DEEP = "Of photos of more than 8 bits a color it reads PNG files only."
    UNLIKE = "It cannot tell which photos are unlike the training photos."


@unique
class WebRuntimeCode(Code):
    """Why the files that run a model in the browser cannot be had."""

    UNREACHABLE = (
        "A page needs ONNX Runtime Web {version}, which has to be fetched once, and that did not work ({why}). Check "
        "the connection, or unpack {url} and name its folder “dist” in CLASSIFIER_ORT_WEB."
    )
    OTHER_CONTENT = (
        "The file {file} is not the one of ONNX Runtime Web {version}; unpack {url} and name its folder “dist” in "
        "CLASSIFIER_ORT_WEB."
    )
    MISSING = (
        "The folder “{folder}”, which CLASSIFIER_ORT_WEB names, lacks {file}; unpack {url} and name its folder “dist” "
        "there."
    )


README = """\
---
title: {quoted}
emoji: 📷
colorFrom: blue
colorTo: indigo
sdk: static
pinned: false
tags:
- {tag}
---

# {title}

A page that classifies photos in the browser, without a server: photos never leave the device that opens it. Made with
Photo Classifier.

- **Put it online**: copy all files to any web host with https (a static Hugging Face Space, GitHub Pages, Netlify, your
  own server). Phones allow the camera on https only.
- **Try it here**: run `python -m http.server` in this folder and open http://localhost:8000. Opened as a file it does
  not start.
- **Offline**: after the first visit the page opens without internet. On a phone, “Add to home screen” makes an app.

`model.onnx` is the model, `model.json` its classes, thresholds and how a photo is prepared. `runtime` holds ONNX
Runtime Web {version} (MIT license, in `runtime/LICENSE.txt`). Change nothing in the folder: the page checks its files.
"""
