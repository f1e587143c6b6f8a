// Buttons with data-do: a press sends the server their data, with the text of the field beside them.
const SLOW = ["take", "one-class"];
const press = (button) => {
  const field = button.parentElement.querySelector("input");
  if (button.closest(".pc-question") && document.querySelector(".pc-drop.pc-working")) return;
  if (field && !field.value.trim()) return field.focus();
  if (SLOW.includes(button.dataset.do)) document.dispatchEvent(new Event("pc-working"));
  trigger("submit", { ...button.dataset, text: field ? field.value : "" });
};
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-do]");
  if (button) press(button);
});
element.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches("input")) press(event.target.closest("div").querySelector("button"));
});

// A question takes the focus when it appears after something the person did, not when the page is loaded.
let awaited = false;
for (const name of ["pc-working", "pointerdown", "keydown"]) document.addEventListener(name, () => (awaited = true));
// Once it is answered, the focus goes to the button beside it that takes the answer back.
let asked = false;
watch("value", () => {
  const question = element.querySelector("[data-focus]");
  if (question && awaited) question.focus();
  if (!question && asked && !document.activeElement?.closest("button, input, select")) document.querySelector("#photos-undo")?.focus();
  asked = Boolean(question);
});
