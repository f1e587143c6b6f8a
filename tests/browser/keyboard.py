"""A page by keyboard alone: every stop on the way is in view, shows that it has the focus, and can be left."""

from __future__ import annotations

from typing import Any

from tests.browser.pages import SLOW

_PRESSES = 6  # of Enter, 5 seconds apart
# What a press of Tab led to: a ring is an outline or a shadow of the element, or of the label around it.
_STOP = """(target) => {
  const at = document.activeElement, before = window.stopBefore, box = at.getBoundingClientRect();
  window.stopBefore = at;
  const isRinged = (one) => {
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(one);
    return (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none";
  };
  const around = [at, at.parentElement, at.parentElement?.parentElement].filter((one) => one?.matches(":focus-within"));
  return {
    name: at.outerHTML.slice(0, 200),
    isThere: at === target,
    isStuck: at === before,
    isOnPage: at !== document.body,
    isInView: box.width > 0 && box.bottom > 0 && box.top < innerHeight,
    isRinged: around.some(isRinged),
  };
}"""


def tab_to(page: Any, selector: str, most: int, key: str = "Tab") -> None:
    """Press Tab, or another key, until what a selector names has the focus; the page never keeps it for itself.

    Args:
        page: the page.
        selector: a selector of Playwright; its first element is meant.
        most: presses that may be needed.
        key: what is pressed.
    """
    target = page.locator(selector).first
    target.wait_for(state="attached", timeout=SLOW)
    page.evaluate("window.stopBefore = null")
    for _ in range(most):
        page.keyboard.press(key)
        stop = target.evaluate(_STOP)
        if not stop["isOnPage"]:  # what had the focus was drawn anew: the page gives it to a neighbor
            focus_is_kept(page)
            continue
        assert not stop["isStuck"], f"{key} cannot leave {stop['name']}"
        assert stop["isInView"], f"out of view: {stop['name']}"
        assert stop["isRinged"], f"does not show its focus: {stop['name']}"
        if stop["isThere"]:
            return
    raise AssertionError(f"{selector} takes more than {most} presses; the last stop was {stop['name']}")


def focus_is_kept(page: Any) -> None:
    """Wait until something on the page has the focus, after an action that may have taken it away."""
    page.wait_for_function("document.activeElement !== document.body", timeout=SLOW)


def choose_files(page: Any, selector: str, files: Any, most: int) -> None:
    """Go to a field for files, open it by a press of Enter, and choose files in the browser's own window.

    Where the page draws the field anew at this moment, the press opens nothing: a person presses again.
    """
    page.locator(f"{selector.split()[0]} [data-ready]").wait_for(state="attached", timeout=SLOW)
    tab_to(page, selector, most)
    opened: list[Any] = []
    page.once("filechooser", lambda chooser: opened.append(chooser))
    for _ in range(_PRESSES):
        page.keyboard.press("Enter")
        for _ in range(50):
            if opened:
                opened[0].set_files(files)
                return
            page.wait_for_timeout(100)
        page.locator(selector).first.focus()
    raise AssertionError(f"Enter does not open {selector}")


def open_tab(page: Any, key: str, name: str, most: int) -> None:
    """Go back to the row of the tabs, along it by an arrow key, Home or End, and open the tab of a name."""
    tab_to(page, "#tabs [role=tab][aria-selected=true]", most, "Shift+Tab")
    page.keyboard.press(key)
    opened = page.get_by_role("tab", name=name)
    assert opened.evaluate("(one) => one === document.activeElement")
    page.keyboard.press("Enter")
    page.wait_for_function("(one) => one.ariaSelected === 'true'", arg=opened.element_handle())
    focus_is_kept(page)
