"""Sentences of the Hugging Face Hub: opening a model that lies there, and publishing one."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class HubCode(Code):
    """Why a model cannot be fetched from the Hub or a folder cannot be published there."""

    BAD_NAME = (
        "“{name}” names no repository of the Hugging Face Hub; expected is hub:owner/name or hub:owner/name@version."
    )
    BAD_REPOSITORY = (
        "“{name}” cannot be the name of a repository; use English letters, digits, “-”, “_” and “.”, such as “flowers” "
        "or “my-team/flowers”."
    )
    OFFLINE = (
        "The Hugging Face Hub is switched off on this computer (HF_HUB_OFFLINE is set); unset it to reach {repository}."
    )
    NO_NETWORK = (
        "The Hugging Face Hub cannot be reached for {repository} ({error}); check the connection and try again."
    )
    SERVER = "The Hugging Face Hub failed with {repository} (status {status}); try again in some minutes."
    BUSY = "The Hugging Face Hub answers no more requests for now; try again in an hour."
    REFUSED = "The Hugging Face Hub refused {repository} (status {status}): {why}"
    NOT_FOUND = (
        "There is no {repository} on the Hugging Face Hub, or you may not see it; check the name, and sign in with “hf "
        "auth login” if it is private."
    )
    GATED = (
        "The owner of {repository} gives it only to those who ask: ask on its page, and sign in with “hf auth login”."
    )
    NO_VERSION = "There is no version “{revision}” of {repository}; name a branch, a tag or a commit of it."
    NOT_A_MODEL = (
        "The repository {repository} holds no classifier: it has no {file}; choose one made with this program or with "
        "timm."
    )
    TOO_LARGE = (
        "The file {file} of {repository} has {size:megabytes} MB, which is too large for a model; nothing was fetched."
    )
    DISK_FULL = "The disk is full: {repository} was not fetched; free some space and try again."
    NOT_CHANGED_THERE = (
        "“{name}” lies on the Hugging Face Hub and is not changed there; change the folder it was published from, and "
        "publish that again."
    )

    NOT_PUBLISHED = "The format “{name}” cannot be published; choose {choices:alternatives}."
    NOT_SIGNED_IN = (
        "You are not signed in to the Hugging Face Hub: run “hf auth login” first, with a token that may write."
    )
    SIGNED_OUT = "Sign in with Hugging Face first."
    TOKEN_REFUSED = "The Hugging Face Hub does not accept your sign-in any more: sign in again."
    TOKEN_READ_ONLY = (
        "Your token for the Hugging Face Hub may read and not write: make one that may write, and sign in with it by "
        "“hf auth login”."
    )
    NOT_YOURS = "You may not write to {repository}: choose a name of your own, such as {owner}/{name}."
    TAKEN = "{repository} is there already and holds something else ({file}…); choose another name."
    IS_PUBLIC = "{repository} is there already and everybody can see it: publish for everybody, or choose another name."
    QUOTA = "There is no room left for {repository} on the Hugging Face Hub: delete something there, or get more room."
    TOO_LARGE_THERE = "The model is too large for {repository} on the Hugging Face Hub."
    PAYMENT = "The Hugging Face Hub asks for a paid plan for {repository}; a page of files (--to web) costs nothing."


@unique
class PublishCode(Code):
    """What publishing says while it runs and when it is done."""

    COMMIT = "Upload a photo classifier"
    DONE_PRIVATE = "Published, and seen by you alone: {url}"
    DONE_PUBLIC = "Published for everybody: {url}"
