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
  if (event.target.matches("select") && event.target.value) send(event.target.closest(".pc-photo"), "move", event.target.value);
});
