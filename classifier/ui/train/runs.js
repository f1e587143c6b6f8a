// Past trainings: buttons of each, and two that are ticked can be compared.
const boxes = () => [...element.querySelectorAll(".pc-run input")];
const ticked = () => boxes().filter((box) => box.checked).map((box) => Number(box.value));
const compare = element.querySelector(".pc-do-compare");

const count = () => (compare.disabled = ticked().length !== 2);
element.addEventListener("change", (event) => {
  // A third tick takes the place of another one.
  if (ticked().length > 2) boxes().find((box) => box.checked && box !== event.target).checked = false;
  count();
});
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button === compare) trigger("submit", { ids: ticked() });
  else if (button.dataset.use) trigger("select", { id: Number(button.dataset.use) });
  else if (button.dataset.delete) trigger("delete", { id: Number(button.dataset.delete) });
});
watch("value", count);
