// Past trainings: the buttons of each and of its steps, and the comparison of two that are ticked.
const boxes = () => [...element.querySelectorAll(".pc-run input")];
const ticked = () => boxes().filter((box) => box.checked).map((box) => Number(box.value));
const compare = element.querySelector(".pc-do-compare");

const update = () => (compare.disabled = ticked().length !== 2);
element.addEventListener("change", (event) => {
  // A third tick replaces another one.
  if (ticked().length > 2) boxes().find((box) => box.checked && box !== event.target).checked = false;
  update();
});
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button === compare) trigger("submit", { ids: ticked() });
  else if (button.dataset.use) trigger("select", { id: Number(button.dataset.use) });
  else if (button.dataset.step) trigger("input", { id: Number(button.dataset.run), step: Number(button.dataset.step) });
  else if (button.dataset.rename) trigger("edit", { id: Number(button.dataset.rename) });
  else if (button.dataset.delete) trigger("delete", { id: Number(button.dataset.delete) });
});
watch("value", update);
