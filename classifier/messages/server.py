"""Sentences of the command that serves the page."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class ServerCode(Code):
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
    NOT_STARTED = "The page could not be started on the port {port}; try again, or name another port with --port."
