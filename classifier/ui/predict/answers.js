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
  const button = event.target.closest("button"), card = event.target.closest("[data-number]");
  if (!button || !card) return;
  if (button.classList.contains("pc-add")) return add(card);
  button.disabled = true;
  button.textContent = say("explaining");
  trigger("select", { number: number(card) });
});
element.addEventListener("keydown", (event) => {
  const card = event.target.closest("[data-number]");
  if (event.key === "Enter" && card && event.target === field(card)) add(card);
});
// New photos reuse the elements of the old ones, so that a text would pass from one to the other.
watch("value", () => {
  for (const card of element.querySelectorAll("[data-number]")) {
    const typed = field(card);
    if (typedFor.get(typed) !== number(card)) typed.value = "";
    typedFor.set(typed, number(card));
  }
});
