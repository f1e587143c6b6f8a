"""Sentences of the panel that publishes a model on the Hugging Face Hub."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class PublishPanelCode(Code):
    """The panel of the Share tab that publishes."""

    TITLE = "Publish it on the Hugging Face Hub"
    INTRO = (
        "A place of its own on huggingface.co, free of charge, from which you, or everybody if you allow it, can use "
        "the model. Your photos stay here, but for those that you show with it."
    )
    STORED = "It is published in the name of who is signed in on this computer (by “hf auth login”)."
    NOT_OFFERED = (
        "This Space does not offer to sign in with Hugging Face, so nothing can be published from here; make the "
        "“Hugging Face model” above and upload its files there yourself."
    )
    SIGN_IN = "Sign in with Hugging Face"
    SIGN_OUT = "Sign out ({name})"
    WHAT = "What to publish"
    NAME = "Name there"
    NAME_HELP = "such as “flowers”, or “my-team/flowers”"
    PUBLIC = "Everybody may see it (otherwise you alone)"
    SHOW = "Show some of my photos with it"
    SEEN_BY_ALL = "Whoever may see the model sees these photos:"
    PHOTO_OF = "A photo of “{label}” that is shown"
    NO_PHOTOS = "There are no photos of yours that belong to this model, so none are shown."
    PUBLISH = "Publish"
    NOTHING_CHOSEN = "Choose what to publish first."
    NO_NAME = "Give it a name first, such as “flowers”."
    OWN_COMPUTER = (
        "From another computer nothing can be published in the name of who is signed in here: open the page on this "
        "computer itself, or use the command line there."
    )
    DONE_PRIVATE = "Published; only you can see it."
    DONE_PUBLIC = "Published; everybody can see it."
    OPEN = "Open {name} on the Hugging Face Hub"


@unique
class PublishWhatCode(Code):
    """What can be published, and who would want it; in the order of the page."""

    HUB = "The model: for people who program, and for this program on other computers"
    WEB = "A web page with it: for phones and laptops, runs in their browser and never sleeps"
    SPACE = "An app with it: a small web app that runs on a computer of Hugging Face"
