"""Photos that belong together by their names, on the page in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.pages import SLOW, drop_folder, fits_screen, seconds_only
from tests.workflows.test_groups import draw_things

pytestmark = pytest.mark.browser


def test_a_proposed_grouping_is_shown_with_both_scores_and_switched_off(
    visit: Callable[..., Any], tmp_path: Path
) -> None:
    draw_things(tmp_path / "drop" / "scans", "patient{thing}_slice{one}")
    page = visit()
    drop_folder(page, tmp_path / "drop")
    page.locator("#photos-next").click(timeout=SLOW)
    seconds_only(page)
    page.locator("#train").click()
    panel = page.locator("#train-groups")
    panel.get_by_text("4 photos each of 24 things").wait_for(timeout=SLOW)
    panel.get_by_text("is too good").wait_for()
    panel.locator("input:checked").wait_for()
    kept, _ = panel.locator(".pc-num").all_inner_texts()
    page.locator(".pc-big", has_text=f"({kept})").wait_for()
    assert fits_screen(page)

    panel.get_by_role("checkbox").uncheck()
    panel.get_by_text("Train again to see").wait_for(timeout=SLOW)
    page.locator("#train").click()
    panel.get_by_text("Not kept together: 4 photos each of 24 things").wait_for(timeout=SLOW)
    earlier, claimed = panel.locator(".pc-num").all_inner_texts()
    page.locator(".pc-big", has_text=f"({claimed})").wait_for()
    assert earlier == kept != claimed
    panel.locator("input:not(:checked)").wait_for()
