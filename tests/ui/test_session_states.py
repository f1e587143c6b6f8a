"""What the server keeps of each open page."""

from __future__ import annotations

import gradio as gr
from gradio.routes import App

from classifier.ui.session_states import keep_states_only


def test_sessions_keep_states_and_choices_without_the_configuration_of_components() -> None:
    with gr.Blocks() as page:
        state, text = gr.State([1]), gr.Textbox("empty")
    app = App.create_app(page)
    keep_states_only(app)
    one, other = app.state_holder["one"], app.state_holder["other"]
    one[state._id].append(2)
    one[text._id] = gr.Textbox("filled in")
    one._update_config(text._id)
    one._update_value_in_config(text._id, "later")
    assert app.state_holder["one"] is one
    assert (one[state._id], other[state._id]) == ([1, 2], [1])
    assert (one[text._id].value, other[text._id].value) == ("filled in", "empty")
    assert not any(one.components)
