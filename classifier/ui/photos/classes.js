// The bars of the classes: a press shows the photos of one; photos of the page that are dropped on one move there.
const PHOTOS = "application/x-photos"; // what grid.js drags: ids
const barOf = (event) => event.target.closest?.("button[data-label]");
element.addEventListener("click", (event) => {
  const bar = barOf(event);
  if (bar) trigger("select", { label: bar.dataset.label });
});
const mark = (over) => {
  for (const bar of element.querySelectorAll("button[data-label]")) bar.classList.toggle("pc-over", bar === over);
};
element.addEventListener("dragover", (event) => {
  const bar = barOf(event), types = [...event.dataTransfer.types];
  mark(bar);
  if (bar && types.includes(PHOTOS)) event.preventDefault();
});
for (const name of ["dragleave", "drop"]) document.addEventListener(name, (event) => element.contains(event.target) && mark(null));
element.addEventListener("drop", (event) => {
  const bar = barOf(event), ids = event.dataTransfer.getData(PHOTOS);
  if (!bar || !ids) return;
  event.preventDefault();
  trigger("submit", { action: "move", ids: JSON.parse(ids), label: bar.dataset.label });
});
// The bars scroll where they are many: the chosen one comes into view.
watch("value", () => element.querySelector("[aria-pressed=true]")?.scrollIntoView({ block: "nearest" }));
