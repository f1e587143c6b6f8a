// Groups of sure photos: a photo that does not belong is taken out, the others are accepted with one press.
const boxesOf = (group) => [...group.querySelectorAll("input")];
const chosenOf = (group) => boxesOf(group).filter((box) => box.checked).map((box) => Number(box.value));

const showCount = (group) => {
  const button = group.querySelector(".pc-accept"), count = chosenOf(group).length;
  button.textContent = say("accept", { count, label: group.dataset.label });
  button.disabled = !count;
};
element.addEventListener("change", (event) => showCount(event.target.closest(".pc-trusted")));
element.addEventListener("click", (event) => {
  const button = event.target.closest(".pc-accept");
  if (!button) return;
  const group = button.closest(".pc-trusted"), ids = chosenOf(group);
  const out = boxesOf(group).map((box) => Number(box.value)).filter((id) => !ids.includes(id));
  group.inert = true; // until the list is redrawn
  button.textContent = say("saving");
  trigger("submit", { ids, out, label: group.dataset.label });
});
// New photos reuse the elements of the old ones, so that what was done with one would pass to another.
watch("value", () => {
  for (const group of element.querySelectorAll(".pc-trusted")) {
    group.inert = false;
    boxesOf(group).forEach((box) => (box.checked = true));
    showCount(group);
  }
});
