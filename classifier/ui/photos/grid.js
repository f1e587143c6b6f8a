// Photos to tick, and what to do with the ticked ones.
const find = (selector) => element.querySelector(selector);
const boxes = () => [...element.querySelectorAll(".pc-card input")];
const chosen = () => boxes().filter((box) => box.checked).map((box) => Number(box.value));
const all = find(".pc-all input"), target = find(".pc-move");

const count = () => {
  const number = chosen().length;
  find(".pc-chosen").textContent = number ? `${number} chosen` : "Choose photos to move or remove them";
  find(".pc-actions").hidden = !number;
  all.checked = number > 0 && number === boxes().length;
};
const clear = () => {
  boxes().forEach((box) => (box.checked = false));
  target.value = "";
  count();
};
const act = (action, label) => {
  const ids = chosen();
  clear();
  if (ids.length) trigger("submit", { action, ids, label });
};

element.addEventListener("change", (event) => {
  if (event.target === all) boxes().forEach((box) => (box.checked = all.checked));
  count();
});
find(".pc-do-remove").addEventListener("click", () => act("remove", ""));
find(".pc-do-move").addEventListener("click", () => (target.value.trim() ? act("move", target.value) : target.focus()));
target.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && target.value.trim()) act("move", target.value);
});
// New photos take the places of the old ones, and a tick must not pass from one to the other.
watch("value", clear);
