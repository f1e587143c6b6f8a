// Answers: each card can say why, and put its photo among the visitor's own, under the right class.
const number = (card) => Number(card.dataset.card);
const field = (card) => card.querySelector("input");
const typedFor = new WeakMap();

const add = (card) => {
  const label = field(card).value.trim();
  if (label) trigger("submit", { card: number(card), label });
  else field(card).focus();
};
element.addEventListener("click", (event) => {
  const button = event.target.closest("button"), card = event.target.closest("[data-card]");
  if (!button || !card) return;
  if (button.classList.contains("pc-add")) return add(card);
  button.disabled = true;
  button.textContent = "Looking…";
  trigger("select", { card: number(card) });
});
element.addEventListener("keydown", (event) => {
  const card = event.target.closest("[data-card]");
  if (event.key === "Enter" && card && event.target === field(card)) add(card);
});
// New photos take the places of the old ones, and what was typed must not pass from one to the other.
watch("value", () => {
  for (const card of element.querySelectorAll("[data-card]")) {
    const typed = field(card);
    if (typedFor.get(typed) !== number(card)) typed.value = "";
    typedFor.set(typed, number(card));
  }
});
