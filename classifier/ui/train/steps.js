// The steps of a training: an earlier one is used again. The focus stays where the person was: in the row of the step
// when the list is drawn anew, and on the button that takes the place of “Train” or “Stop”.
let pressed = null;
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-step]");
  if (!button) return;
  pressed = button.dataset.step;
  trigger("select", { step: Number(pressed) });
});
watch("value", () => {
  if (pressed === null) return;
  const row = element.querySelector(`[data-row="${pressed}"]`);
  row?.querySelector("button, .pc-used")?.focus();
  pressed = null;
});
const others = { train: "train-stop", "train-stop": "train" };
document.addEventListener("click", (event) => {
  const other = others[event.target.closest?.("#train, #train-stop")?.id];
  if (!other) return;
  const end = Date.now() + 60_000; // a training may take a while to stop
  const look = () => {
    const button = document.getElementById(other);
    if (document.activeElement === document.body && button?.checkVisibility()) button.focus();
    else if (Date.now() < end && document.activeElement?.id !== other) setTimeout(look, 200);
  };
  look();
});
