// Questions about photos, one at a time: a class by its button, or by its number while the question has the focus.
const questions = () => [...element.querySelectorAll(".pc-asks")];
const current = () => questions().find((card) => !card.hidden);

const answer = (card, label) => {
  const left = questions(), next = left[left.indexOf(card) + 1];
  card.hidden = true;
  if (next) {
    next.hidden = false;
    next.focus({ preventScroll: true });
  }
  trigger("submit", { id: Number(card.dataset.id), label, last: !next });
};
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-label]");
  if (button) answer(button.closest(".pc-asks"), button.dataset.label);
});
element.addEventListener("change", (event) => {
  if (isClass(event.target)) answer(event.target.closest(".pc-asks"), event.target.value);
});
// A class is chosen in a list, or, of many classes, typed as one of them.
const isClass = (field) =>
  field.list ? [...field.list.options].some(({ value }) => value === field.value) : field.matches("select") && field.value;
element.addEventListener("keydown", (event) => {
  const card = event.target.closest(".pc-asks");
  if (!card || event.ctrlKey || event.altKey || event.metaKey || event.repeat || event.target.matches("select, input")) return;
  const button = card.querySelector(`button[data-key="${CSS.escape(event.key)}"]`);
  if (!button) return;
  event.preventDefault();
  answer(card, button.dataset.label);
});
// New questions reuse the elements of the old ones; the focus stays where the person answers.
watch("value", () => {
  const cards = questions(), had = element.contains(document.activeElement) || document.activeElement === document.body;
  cards.forEach((card, index) => {
    card.hidden = index > 0;
    const list = card.querySelector("select, input");
    if (list) list.value = "";
  });
  if (had && element.dataset.used && cards.length) cards[0].focus({ preventScroll: true });
  element.dataset.used = element.dataset.used || "";
});
element.addEventListener("pointerdown", () => (element.dataset.used = "1"));
element.addEventListener("keydown", () => (element.dataset.used = "1"));
