"""Sentences of the command that serves the page."""

from __future__ import annotations

from enum import unique

from . import Code, EnglishCode


@unique
class ServerCode(EnglishCode):
    """What its options mean, and why the page cannot be served."""

    HOST = "address to listen on (default: GRADIO_SERVER_NAME, or 127.0.0.1)"
    PORT = "port (default: GRADIO_SERVER_PORT, or the first free one from 7860)"
    SHARE = "also make a public link through gradio.live"
    KEEP_HOURS = "CLASSIFIER_KEEP_HOURS is “{value}”; it must be a number of hours above 0, such as 24."
    NO_PORT = "The port is “{port}”; it must be a whole number from 1 to 65535, such as 7860."
    PORT_TAKEN = "The port {port} is in use by another program: end that one, or name another port with --port."
    ALL_PORTS_TAKEN = "All ports from {first} to {last} are in use by other programs; name a free one with --port."
    PORT_FORBIDDEN = "This user may not open the port {port} ({why}): name another, above 1023, with --port."
    NO_HOST = (
        "“{host}” is no address of this machine ({why}): with --host name 127.0.0.1, for this machine alone, or "
        "0.0.0.0, for its whole network."
    )
    HOME_UNUSABLE = (
        "The folder “{folder}” for the photos and models of the page cannot be written ({why}); name another in the "
        "variable CLASSIFIER_HOME."
    )
    LOG_FORM = "CLASSIFIER_LOG is “{value}”; it must be “text” or “json”."
    NO_MCP = (
        'GRADIO_MCP_SERVER is set, but the package for agents is not installed: run pip install "gradio[mcp]", or '
        "start without it."
    )
    NOT_STARTED = "The page could not be started on the port {port}; try again, or name another port with --port."


@unique
class LogCode(EnglishCode):
    """Lines of the log of a host; what differs is in fields beside them."""

    STARTED = "The page is served."
    ENDING = "The program was asked to end."
    TRAINING_STARTED = "A training started."
    TRAINING_FINISHED = "A training finished."
    THREAD_FAILED = "A thread ended with an error."


@unique
class HealthCode(EnglishCode):
    """What the tools of a host are told."""

    NOT_WRITABLE = "The folder of the projects cannot be written ({why})."


@unique
class RequestCode(Code):
    """Why a request to the page is not answered."""

    NO_HOST = (
        "This page is not served under the name “{host}”. Who runs it can allow the name in the variable "
        "CLASSIFIER_HOSTS."
    )
    OTHER_SITE = (
        "A page of “{origin}” may not send this. If it is this page under another name, who runs it can allow the name "
        "in the variable CLASSIFIER_HOSTS."
    )
    NOT_HERE = "There is nothing under this address."
    LOGIN = "Please log in first."
    NOT_YOURS = "This belongs to another browser; load the page again."
    NO_EVENT = "The page does not know what was asked for; load it again."
    NO_FILE = "There is no such file for you; it may have been deleted."
    NO_UPLOAD = "The file sent is no upload of yours, or is not there any more; choose it again."
    NO_JSON = "The request is no JSON that can be read."
    NOT_UNDERSTOOD = "The request has parts missing, or of a kind that was not expected."
    NO_VALUE = "A value of the page is of a kind that it cannot have; load the page again."
    JSON_TOO_LARGE = "The request has more than {limit:megabytes} MB, which only lists of files may have."
    BODY_TOO_LARGE = "The request has more than {limit:megabytes} MB."
    FORM_TOO_LARGE = "Name and password are too long."
    TOO_SLOW = "The request came too slowly."
    BUSY = "So many people are waiting here that nothing was done; try again in a minute."


@unique
class AccessCode(EnglishCode):
    """What goes wrong with the file that says who may use the page, and what the command that makes its lines says."""

    NO_FILE = "The file “{file}” in CLASSIFIER_AUTH cannot be read ({why})."
    BAD_LINE = (
        "Line {number} of “{file}” is no line “user:hash”, or names a user twice; make it with "
        "python -m classifier.ui.access USER."
    )
    NO_USERS = (
        "The file “{file}” in CLASSIFIER_AUTH names no user; make a line with python -m classifier.ui.access USER."
    )
    NO_USER = (
        "A name has 1 to 64 letters without colons and spaces, and a password 1 to {limit} letters; choose others."
    )
    USAGE = "usage: python -m classifier.ui.access USER"
    PASSWORD = "Password:"
    AGAIN = "Password once more:"
    DIFFERENT = "The two passwords differ; nothing was made."
