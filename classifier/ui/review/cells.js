// A number of the confusion matrix, or a class, lists the photos behind it.
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-label]");
  if (!button) return;
  trigger("select", { label: Number(button.dataset.label), predicted: Number(button.dataset.predicted ?? -1) });
  const reduced = matchMedia("(prefers-reduced-motion: reduce)").matches;
  document.querySelector("#review-which")?.scrollIntoView({ behavior: reduced ? "auto" : "smooth", block: "start" });
});
