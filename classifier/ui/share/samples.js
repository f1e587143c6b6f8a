// Photos to show with an export: at most as many as the list says are chosen at a time.
const boxes = () => [...element.querySelectorAll("input")];
element.addEventListener("change", () => {
  const chosen = boxes().filter((box) => box.checked);
  const full = chosen.length >= Number(element.querySelector("[data-most]").dataset.most);
  for (const box of boxes()) box.disabled = full && !box.checked;
  trigger("submit", {}); // what was made before shows others
});
// New photos reuse the elements of the old ones, so that what was done with one would pass to another.
watch("value", () => {
  for (const box of boxes()) box.checked = box.disabled = false;
});
