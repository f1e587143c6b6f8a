// Predictions: each can be explained, and its photo added to the visitor's own under the right class.
const number = (card) => Number(card.dataset.number);
const field = (card) => card.querySelector("input");
const typedFor = new WeakMap();

const add = (card) => {
  const label = field(card).value.trim();
  if (label) trigger("submit", { number: number(card), label });
  else field(card).focus();
};
element.addEventListener("click", (event) => {
  const button = event.target.closest("button"), card = event.target.closest(".pc-more");
  if (!button || !card) return;
  if (button.classList.contains("pc-add")) return add(card);
  button.disabled = true;
  button.textContent = say("explaining");
  trigger("select", { number: number(card) });
});
element.addEventListener("keydown", (event) => {
  const card = event.target.closest(".pc-more");
  if (event.key === "Enter" && card && event.target === field(card)) add(card);
});

// Several answers: which are on view, in which order, and which are open. A redrawing keeps all three.
const chosen = { only: "all", label: "", sort: "given" };
const opened = new Set();
const cards = () => [...element.querySelectorAll(".pc-several > .pc-answer")];
const places = {
  given: () => 0,
  sure: (a, b) => a.dataset.sure - b.dataset.sure,
  label: (a, b) => a.dataset.label.localeCompare(b.dataset.label, undefined, { numeric: true }),
};
const arrange = () => {
  for (const chip of element.querySelectorAll("[data-only]"))
    chip.setAttribute("aria-pressed", String(chip.dataset.only === chosen.only));
  for (const list of element.querySelectorAll("select")) {
    if (![...list.options].some((option) => option.value === chosen[list.name])) chosen[list.name] = list.options[0].value;
    list.value = chosen[list.name];
  }
  for (const card of cards()) {
    const { kind, label } = card.dataset;
    card.hidden = (chosen.only !== "all" && kind !== chosen.only) || (chosen.label !== "" && label !== chosen.label);
  }
  cards().sort(places[chosen.sort]).forEach((card, place) => (card.style.order = place));
};
element.addEventListener("click", (event) => {
  const chip = event.target.closest("[data-only]");
  if (!chip) return;
  chosen.only = chip.dataset.only;
  arrange();
});
element.addEventListener("change", (event) => {
  if (!event.target.matches("select")) return;
  chosen[event.target.name] = event.target.value;
  arrange();
});
element.addEventListener(
  "toggle",
  ({ target }) => (target.open ? opened.add(number(target)) : opened.delete(number(target))),
  true, // it does not bubble
);

// New photos reuse the elements of the old ones, so that a text would pass from one to the other.
let first = null;
watch("value", () => {
  const all = [...element.querySelectorAll(".pc-more")];
  for (const card of all) {
    const typed = field(card);
    if (typedFor.get(typed) !== number(card)) typed.value = "";
    typedFor.set(typed, number(card));
  }
  if (all.length && number(all[0]) !== first) {
    first = number(all[0]);
    opened.clear();
    Object.assign(chosen, { only: "all", label: "", sort: "given" });
  }
  for (const more of element.querySelectorAll("details[data-number]")) more.open = opened.has(number(more));
  arrange();
});
