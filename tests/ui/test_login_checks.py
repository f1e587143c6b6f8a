"""The check of the login, in the thread that answers."""

from __future__ import annotations

import asyncio
import threading

import gradio as gr
import httpx
from gradio.routes import App

from classifier.ui.login_checks import check_without_threads


def test_a_login_is_checked_in_the_thread_that_answers() -> None:
    with gr.Blocks() as page:
        gr.Textbox()
    page.auth_message = "log in"
    app = App.create_app(page)
    check_without_threads(app)

    async def ask() -> tuple[list[int], set[threading.Thread]]:
        before = set(threading.enumerate())
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://page") as client:
            statuses = []
            for auth in (None, {"name": "word"}):
                app.auth = auth
                answer = await client.post("/gradio_api/queue/join", json={"data": []})  # of no session
                statuses.append(answer.status_code)
        return statuses, set(threading.enumerate()) - before

    statuses, threads = asyncio.run(ask())
    assert statuses == [400, 401]
    assert not threads
