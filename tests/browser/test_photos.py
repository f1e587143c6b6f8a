"""Data sets as they come, from drop to trained, in a real browser against the real program."""

from __future__ import annotations

import zipfile
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.pages import SLOW, drop_files, drop_folder, fits_screen, seconds_only
from tests.helpers import draw_photo

pytestmark = pytest.mark.browser

PLAIN_PRESSES = 2  # with plain class folders, from drop to trained: next, train


class Presses:
    """Presses buttons and counts."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, button: Any) -> None:
        button.click(timeout=SLOW)
        self.count += 1


@pytest.fixture
def page(visit: Callable[..., Any]) -> Any:
    """A new visitor's page on a phone; an error of the page or a dialog fails the test."""
    page = visit()
    page.get_by_role("button", name="Try with example photos").wait_for(timeout=SLOW)  # the visitor is known
    return page


def draw(path: Path, label: int, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draw_photo(100 * label + number, tint=(90 * label, 0, 80 - 80 * label)).save(path, "JPEG")


def zipped(folder: Path) -> Path:
    """A zip of what is in a folder, without the folder itself."""
    archive = folder.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w") as target:
        for path in sorted(folder.rglob("*.*")):
            target.write(path, path.relative_to(folder))
    return archive


def flat_folder(root: Path) -> Path:
    for number in range(16):
        draw(root / "pets" / f"{'dog' if number % 2 else 'cat'}.{number}.jpg", number % 2, number)
    return root / "pets"


def roboflow_zip(root: Path) -> Path:
    for split, count in (("train", 8), ("valid", 2), ("test", 2)):
        rows = ["filename, glass, metal"]
        for number in range(2 * count):
            name = f"{split}{number}_jpg.rf.{number:032x}.jpg"
            draw(root / "export" / split / name, number % 2, 10 * count + number)
            rows.append(f"{name}, {1 - number % 2}, {number % 2}")
        (root / "export" / split / "_classes.csv").write_text("\n".join(rows))
    return zipped(root / "export")


def kaggle_zip(root: Path) -> Path:
    rows = ["image_id,label"]
    for number in range(16):
        draw(root / "leaves" / "train" / f"Train_{number}.jpg", number % 2, number)
        rows.append(f"Train_{number},{'rust' if number % 2 else 'healthy'}")
    for number in range(3):
        draw(root / "leaves" / "test" / f"Test_{number}.jpg", 1, 50 + number)
    (root / "leaves" / "train.csv").write_text("\n".join(rows))
    return zipped(root / "leaves")


def collections(root: Path) -> Path:
    for place, person in enumerate(("anna", "ben", "carla")):
        for number in range(8):
            gesture = "palm" if number % 2 else "fist"
            draw(root / "hands" / person / gesture / f"{number}.jpg", number % 2, 10 * place + number)
    return root / "hands"


@pytest.mark.parametrize(
    ("make", "answer", "read", "classes", "is_trained"),
    [
        (flat_folder, "Take these 2 classes", "2 classes from", ["cat", "dog"], True),
        (roboflow_zip, None, "16 photos to train on, 4 to validate, 4 to test", ["glass", "metal"], True),
        (kaggle_zip, None, "train.csv", ["healthy", "rust"], False),
    ],
    ids=["names", "roboflow", "kaggle"],
)
def test_a_data_set_is_trained_in_two_presses_more_than_class_folders(
    page: Any,
    tmp_path: Path,
    make: Callable[[Path], Path],
    answer: str | None,
    read: str,
    classes: list[str],
    is_trained: bool,
) -> None:
    press = Presses()
    data = make(tmp_path)
    drop_folder(page, data) if data.is_dir() else drop_files(page, data)
    if answer is not None:
        press(page.get_by_role("button", name=answer))
    line = page.locator("#photos-reading .pc-read")
    line.get_by_text(read).wait_for(timeout=SLOW)
    assert page.locator(".pc-bars .pc-name").all_inner_texts() == classes
    assert fits_screen(page)
    press(page.locator("#photos-next"))
    if is_trained:
        seconds_only(page)
        press(page.locator("#train"))
        page.locator(".pc-score").wait_for(timeout=SLOW)
    assert press.count <= PLAIN_PRESSES + 2


def test_a_question_waits_through_a_reload_and_another_reading_can_be_taken(page: Any, tmp_path: Path) -> None:
    drop_folder(page, flat_folder(tmp_path))
    question = page.get_by_role("group", name="How are these photos sorted?")
    question.get_by_text("The names begin with").wait_for(timeout=SLOW)
    drop_folder(page, collections(tmp_path))  # a new drop replaces the question
    question.get_by_text("folders: are these the classes").wait_for(timeout=SLOW)
    assert question.get_by_text("The names begin with").count() == 0
    assert page.evaluate("document.activeElement.getAttribute('role')") == "group"
    assert question.locator("img").count() == 5
    assert fits_screen(page)

    page.reload()
    question.wait_for(timeout=SLOW)
    assert page.locator(".pc-card").count() == 0
    question.get_by_role("button", name="Take these 3 classes").click()
    page.get_by_text("24 photos in 3 classes").wait_for(timeout=SLOW)
    page.get_by_text("Read it another way").click()
    page.get_by_role("button", name="Take these 2 classes").click()
    page.get_by_text("24 photos in 2 classes").wait_for(timeout=SLOW)
    assert page.locator(".pc-bars .pc-name").all_inner_texts() == ["fist", "palm"]

    drop_folder(page, flat_folder(tmp_path))
    question.get_by_role("button", name="Cancel").click(timeout=SLOW)
    page.get_by_text("Nothing was added.").wait_for(timeout=SLOW)
    question.wait_for(state="detached")
    page.get_by_text("24 photos in 2 classes").wait_for()


# Drops a photo of the page, or a file of the person, on the bar of a class.
DROP = """(bar, [ids, name, content]) => {
  const moved = new DataTransfer();
  if (ids) moved.setData("application/x-photos", JSON.stringify(ids));
  const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt());
  if (!ids) moved.items.add(new File([bytes], name, { type: "image/jpeg" }));
  for (const type of ["dragover", "drop"])
    bar.dispatchEvent(new DragEvent(type, { dataTransfer: moved, bubbles: true, cancelable: true }));
}"""


def test_classes_are_joined_renamed_and_removed_until_it_is_taken_back(page: Any, tmp_path: Path) -> None:
    for place, label in enumerate(("Bees", "bees", "ants", "wasps")):
        for number in range(3):
            draw(tmp_path / "insects" / label / f"{number}.jpg", place % 2, 10 * place + number)
    drop_folder(page, tmp_path / "insects")
    page.get_by_text("12 photos in 4 classes").wait_for(timeout=SLOW)
    page.get_by_role("button", name="Join them as “Bees”").click()
    page.get_by_text("12 photos in 3 classes").wait_for(timeout=SLOW)

    page.get_by_role("button", name="ants: 3 photos").click()
    page.get_by_role("button", name="Rename or remove “ants”").click()
    for answer in ("Keep both", "Join the two"):
        page.get_by_label("New name").fill("wasps")
        page.get_by_role("button", name="Rename", exact=True).click()
        question = page.get_by_role("group", name="There is a class “wasps” already, with 3 photos: join the two?")
        question.get_by_role("button", name=answer).click(timeout=SLOW)
        question.wait_for(state="detached")
    page.get_by_text("12 photos in 2 classes").wait_for(timeout=SLOW)
    assert page.locator(".pc-bars .pc-name").all_inner_texts() == ["Bees", "wasps"]

    bees, wasps = page.get_by_role("button", name="Bees: "), page.get_by_role("button", name="wasps: ")
    photo = int(page.locator("#photos-grid .pc-card input").first.get_attribute("value"))
    bees.evaluate(DROP, [[photo], "", ""])
    page.get_by_role("button", name="wasps: 5 photos").wait_for(timeout=SLOW)
    draw(tmp_path / "late.jpg", 0, 99)
    bees.evaluate(DROP, [None, "late.jpg", b64encode((tmp_path / "late.jpg").read_bytes()).decode()])
    page.get_by_role("button", name="Bees: 8 photos").wait_for(timeout=SLOW)

    wasps.press("Enter")
    page.get_by_role("button", name="Remove class").press("Enter")
    question = page.get_by_role("group", name="Remove the class “wasps” with its 5 photos?")
    question.get_by_role("button", name="Remove “wasps”").press("Enter", timeout=SLOW)
    undo = page.locator("#photos-undo")
    for words in (
        "removing 5 photos",
        "adding 1 photo to “Bees”",
        "moving 1 photo to “Bees”",
        "renaming “ants” to “wasps”",
    ):
        undo.get_by_text(f"Undo {words}").wait_for(timeout=SLOW)
        page.wait_for_function("document.activeElement.id === 'photos-undo'")
        page.keyboard.press("Enter")
        page.locator("#photos-message").get_by_text(f"Took back {words}.").wait_for(timeout=SLOW)
    page.get_by_text("12 photos in 3 classes").wait_for(timeout=SLOW)


def test_loose_photos_are_read_by_name_or_asked_for_their_class(page: Any, tmp_path: Path) -> None:
    loose = sorted(flat_folder(tmp_path).iterdir())
    drop_files(page, *loose)
    page.get_by_role("button", name="Take these 2 classes").wait_for(timeout=SLOW)
    page.get_by_label("Or are all 16 photos of one class?").fill("pets")
    page.get_by_role("button", name="Add", exact=True).last.click()
    page.get_by_text("16 photos in 1 class").wait_for(timeout=SLOW)


def class_zip(root: Path, name: str, counts: tuple[int, int]) -> Path:
    """A zip of two class folders; photos of zips with other names are others."""
    for label, count in enumerate(counts):
        for number in range(count):
            draw(root / name / ("cat", "dog")[label] / f"{number}.jpg", label, 20 * len(name) + number)
    return zipped(root / name)


def test_a_fifth_is_set_apart_and_the_score_is_on_it(page: Any, tmp_path: Path) -> None:
    drop_files(page, class_zip(tmp_path, "pets", (10, 10)))
    page.get_by_text("20 photos in 2 classes").wait_for(timeout=SLOW)
    assert not page.locator("#photos-purpose").is_visible()  # as long as all are for training
    page.get_by_role("button", name="Set a share apart for testing").click()
    page.get_by_text("About 4 of 20 photos").wait_for(timeout=SLOW)
    page.locator("#photos-apart").click()
    page.get_by_text("4 of 20 photos were set apart for testing").wait_for(timeout=SLOW)
    page.get_by_label("For testing (4)").click(timeout=SLOW)
    page.get_by_text("4 photos in 2 classes").wait_for(timeout=SLOW)
    page.locator("#photos-grid .pc-card input").first.check()
    page.get_by_label("What the chosen photos are to be for").select_option("Set aside")
    page.get_by_label("Set aside (1)").wait_for(timeout=SLOW)
    page.get_by_role("button", name="Undo setting 1 photo aside").click()
    page.get_by_label("For testing (4)").wait_for(timeout=SLOW)
    assert fits_screen(page)

    page.locator("#photos-next").click()
    seconds_only(page)
    page.locator("#train").click()
    score = page.locator(".pc-score")
    score.get_by_text("test photos").wait_for(timeout=SLOW)
    page.get_by_role("tab", name="Photos").click()
    page.get_by_role("button", name="Back to training: 4 test photos").click(timeout=SLOW)
    page.get_by_role("heading", name="20 photos in 2 classes").wait_for(timeout=SLOW)


def test_zips_of_training_and_test_photos_keep_their_purposes(page: Any, tmp_path: Path) -> None:
    drop_files(page, class_zip(tmp_path, "train", (8, 8)))
    page.get_by_text("16 photos in 2 classes").wait_for(timeout=SLOW)
    drop_files(page, class_zip(tmp_path, "test", (3, 2)))
    page.get_by_label("For testing (5)").click(timeout=SLOW)
    page.get_by_text("5 photos in 2 classes").wait_for(timeout=SLOW)
    page.get_by_label("For training (16)").click()
    page.get_by_text("16 photos in 2 classes").wait_for(timeout=SLOW)


def test_an_upload_shows_bytes_stays_busy_in_another_tab_and_can_be_cancelled(page: Any, tmp_path: Path) -> None:
    for number in range(12):
        draw(tmp_path / "pets" / ("cat" if number % 2 else "dog") / f"{number}.jpg", number % 2, number)
    (tmp_path / "pets" / "clip.mp4").write_bytes(b"\0" * 2_000_000)
    archive = zipped(tmp_path / "pets")
    slow = page.context.new_cdp_session(page)
    slow.send("Network.enable")
    pace = {"offline": False, "latency": 0, "downloadThroughput": -1}
    slow.send("Network.emulateNetworkConditions", {**pace, "uploadThroughput": 40_000})
    drop_files(page, archive)
    area = page.locator("#photos-drop")
    area.get_by_text("of 2 MB").wait_for(timeout=SLOW)
    assert area.get_by_role("progressbar", name="How much is sent").is_visible()
    page.get_by_role("tab", name="Train").click()
    page.locator("#train").wait_for(timeout=SLOW)
    page.get_by_role("tab", name="Photos").click()
    area.get_by_text("Sending 1 file").wait_for(timeout=SLOW)
    assert area.locator(".pc-working").count() == 1
    area.get_by_role("button", name="Cancel").click()
    area.get_by_text("Cancelled. Nothing was added.").wait_for(timeout=SLOW)

    slow.send("Network.emulateNetworkConditions", {**pace, "uploadThroughput": -1})
    drop_files(page, archive)
    page.get_by_text("12 photos in 2 classes").wait_for(timeout=SLOW)
    area.locator(".pc-drop:not(.pc-working)").wait_for(timeout=SLOW)
