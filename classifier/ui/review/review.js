// Photos to correct: one press of a button sends what to do with one photo.
const send = (card, action, label) => {
  card.inert = true; // until the list is redrawn
  card.classList.add("pc-sent");
  trigger("submit", { action, id: Number(card.dataset.id), label });
};
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-do]");
  if (button) send(button.closest(".pc-photo"), button.dataset.do, button.dataset.label || "");
});
element.addEventListener("change", (event) => {
  if (isClass(event.target)) send(event.target.closest(".pc-photo"), "move", event.target.value);
});
// A class is chosen in a list, or, of many classes, typed as one of them.
const isClass = (field) =>
  field.list ? [...field.list.options].some(({ value }) => value === field.value) : field.matches("select") && field.value;

// Photos that belong together: the ids of those that are selected, kept while more photos are shown.
const chosen = new Set();
const idsOf = (whole) => whole.closest("[data-ids]").dataset.ids.split(" ").map(Number);
const showChosen = () => {
  const tools = element.querySelector(".pc-tools");
  if (!tools) return chosen.clear();
  for (const box of element.querySelectorAll(".pc-card input")) box.checked = chosen.has(Number(box.value));
  for (const whole of element.querySelectorAll(".pc-whole")) whole.checked = idsOf(whole).every((id) => chosen.has(id));
  tools.querySelector(".pc-chosen").textContent = chosen.size ? say("selected", { count: chosen.size }) : say("select");
  tools.querySelector(".pc-actions").hidden = !chosen.size;
};
element.addEventListener("change", ({ target }) => {
  if (!target.matches(".pc-whole, .pc-card input")) return;
  const ids = target.matches(".pc-whole") ? idsOf(target) : [Number(target.value)];
  for (const id of ids) target.checked ? chosen.add(id) : chosen.delete(id);
  showChosen();
});
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-together]");
  if (!button) return;
  trigger("submit", { action: button.dataset.together, ids: [...chosen] });
  chosen.clear();
  showChosen();
});
// New photos reuse the elements of the old ones.
watch("value", () => {
  for (const field of element.querySelectorAll("input[list]")) field.value = "";
  showChosen();
});
