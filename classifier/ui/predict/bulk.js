// The table of answers: heads, filters and pages are buttons; what is typed is sent when the person pauses.
const PAUSE = 300; // milliseconds
const search = element.querySelector("input[type=search]");
let pause;

element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-sort], button[data-kind], button[data-page]");
  if (!button) return;
  trigger("select", { ...button.dataset });
  if (button.dataset.page) element.scrollIntoView({ block: "start" });
});
element.addEventListener("change", (event) => {
  const select = event.target.closest("select");
  if (select) trigger("select", { [select.name]: select.value });
});
search.addEventListener("input", () => {
  clearTimeout(pause);
  pause = setTimeout(() => trigger("select", { text: search.value }), PAUSE);
});
// A list that is drawn anew keeps what the browser shows in it, whatever is selected in the new one.
watch("value", () => {
  for (const select of element.querySelectorAll("select[data-value]")) select.value = select.dataset.value;
  const sorted = element.querySelector("th[aria-sort=ascending] button, th[aria-sort=descending] button");
  element.querySelector("select[name=sort]").value = sorted ? sorted.dataset.sort : "given";
});
