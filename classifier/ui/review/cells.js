// A number of the table, or a class, shows the photos behind it.
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-true]");
  if (!button) return;
  trigger("select", { true: Number(button.dataset.true), taken: Number(button.dataset.taken ?? -1) });
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  document.querySelector("#review-which")?.scrollIntoView({ behavior: still ? "auto" : "smooth", block: "start" });
});
