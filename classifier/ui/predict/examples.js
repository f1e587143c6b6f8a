// Example photos: a press shows the model's answer.
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-example]");
  if (button) trigger("select", { example: Number(button.dataset.example) });
});
