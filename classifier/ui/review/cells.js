// A number of the confusion matrix, or a class, lists the photos behind it.
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-label]");
  if (!button) return;
  trigger("select", { label: Number(button.dataset.label), predicted: Number(button.dataset.predicted ?? -1) });
  // at once after a press of a key: the next one may move the focus while a slow scroll still goes on
  const atOnce = !event.detail || matchMedia("(prefers-reduced-motion: reduce)").matches;
  document.querySelector("#review-which")?.scrollIntoView({ behavior: atOnce ? "auto" : "smooth", block: "start" });
});
// The classes with the typed letters; of the matrix also only the columns in which these have a number.
const filter = (field) => {
  const wanted = field.value.trim().toLocaleLowerCase();
  const table = field.closest(".pc-searched").querySelector("table"), rows = [...table.tBodies[0].rows];
  for (const row of rows) row.hidden = !row.cells[0].textContent.toLocaleLowerCase().includes(wanted);
  if (!table.closest(".pc-matrix")) return;
  const shown = rows.filter((row) => !row.hidden);
  for (const column of [...table.tHead.rows[0].cells].slice(1).map((head) => head.cellIndex)) {
    const empty = wanted && !shown.some((row) => row.cells[column].firstChild);
    for (const row of [table.tHead.rows[0], ...rows]) row.cells[column].hidden = empty;
  }
};
element.addEventListener("input", (event) => event.target.matches("input[type=search]") && filter(event.target));
// A table that is drawn anew reuses the elements of the old one.
watch("value", () => element.querySelectorAll("input[type=search]").forEach(filter));
