"""Gradio's check of the login, for each request, without a change of threads.

Gradio gives it as an ordinary function, which FastAPI runs in another thread: on a busy machine that takes longer than
the answer to many a request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from fastapi import Depends
from gradio.routes import App
from starlette.routing import BaseRoute

_NAME = "login_check"


def check_without_threads(app: App) -> None:
    """Let an app that has answered nothing yet check logins in the thread that answers."""
    checks: dict[Any, Any] = {}

    def inline(check: Callable[..., Any]) -> Any:
        """Return a check as FastAPI runs it in the thread that answers."""
        if check not in checks:
            (known,) = (Depends(one.call) for one in _route_of(check).dependant.dependencies)

            async def call(user: Any = known) -> None:
                check(user)

            checks[check] = call
        return checks[check]

    def _route_of(check: Callable[..., Any]) -> Any:
        return next(route for route in _routes(app.routes) if route.endpoint is check)

    for route in _routes(app.routes):
        route.dependencies = [
            Depends(inline(one.dependency)) if getattr(one.dependency, "__name__", "") == _NAME else one
            for one in route.dependencies
        ]
        for one in route.dependant.dependencies:
            if getattr(one.call, "__name__", "") == _NAME:
                one.call = inline(one.call)


def _routes(routes: Iterable[BaseRoute]) -> Iterable[Any]:
    """Yield the routes of an app that depend on something, and those of the routers that it includes."""
    for route in routes:
        if getattr(route, "dependant", None) is not None:
            yield route
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from _routes(included.routes)
