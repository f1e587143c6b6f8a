// Photos to select, and what to do with the selected ones.
const find = (selector) => element.querySelector(selector);
const boxes = () => [...element.querySelectorAll(".pc-card input")];
const selected = () => boxes().filter((box) => box.checked).map((box) => Number(box.value));
const all = find(".pc-all input"), target = find(".pc-move"), use = find(".pc-do-use");

const update = () => {
  const count = selected().length;
  find(".pc-chosen").textContent = count ? say("selected", { count }) : say("select");
  find(".pc-actions").hidden = !count;
  all.checked = count > 0 && count === boxes().length;
};
const clear = () => {
  boxes().forEach((box) => (box.checked = false));
  target.value = use.value = "";
  update();
};
const act = (action, label) => {
  const ids = selected();
  clear();
  if (ids.length) trigger("submit", { action, ids, label });
};

element.addEventListener("change", (event) => {
  if (event.target === use) return act("use", use.value);
  if (event.target === all) boxes().forEach((box) => (box.checked = all.checked));
  update();
});
find(".pc-do-remove").addEventListener("click", () => act("remove", ""));
find(".pc-do-move").addEventListener("click", () => (target.value.trim() ? act("move", target.value) : target.focus()));
target.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && target.value.trim()) act("move", target.value);
});
// Photos can be dragged to a class: those that are selected, or the one that is dragged.
element.addEventListener("dragstart", (event) => {
  const box = event.target.closest(".pc-card")?.querySelector("input");
  if (!box) return;
  event.dataTransfer.setData("application/x-photos", JSON.stringify(box.checked ? selected() : [Number(box.value)]));
  event.dataTransfer.effectAllowed = "move";
});
// New photos reuse the elements of the old ones, so that a tick would pass from one to the other.
watch("value", clear);
