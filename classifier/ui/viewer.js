// One photo, large. Every picture in a “pc-enlarge” button opens here; the arrow keys go on to those beside it.
// The dialog is no part of the template: drawing that again would take the attribute “open” away.
const make = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};
const button = (name, sign) => make("button", { type: "button", class: "pc-button", "aria-label": name, title: name }, sign);
const words = make("p", { id: "pc-larger-words", "aria-live": "polite" });
const picture = make("img", { alt: "" });
const [close, back, on] = [button(say("close"), "✕"), button(say("back"), "‹"), button(say("on"), "›")];
const dialog = make("dialog", { class: "pc-larger", "aria-labelledby": words.id }, make("header", {}, words, close), picture, make("footer", {}, back, on));
document.querySelector("#viewer-dialog")?.remove();
dialog.id = "viewer-dialog";
(element.closest(".gradio-container") ?? document.body).append(dialog);

let shown; // the button whose picture is on view
let waiting;
const others = () => [...(shown.closest(".html-container") ?? document).querySelectorAll(".pc-enlarge")].filter((one) => one.checkVisibility());
const idOf = (one) => Number(one.dataset.photo) || null;

const show = (one) => {
  shown = one;
  const all = others(), small = one.querySelector("img"), place = all.indexOf(one);
  picture.src = small.src;
  picture.alt = small.alt;
  words.textContent = say("position", { name: small.alt, number: place + 1, total: all.length });
  [back.disabled, on.disabled] = [place < 1, place > all.length - 2];
  clearTimeout(waiting);
  // Where the photos are leafed through quickly, only the last one is asked for.
  if (idOf(one)) waiting = setTimeout(() => trigger("select", { photo: idOf(one) }), 100);
};
const step = (count) => {
  const next = others()[others().indexOf(shown) + count];
  if (next) show(next);
};

document.addEventListener("click", (event) => {
  const one = event.target.closest?.(".pc-enlarge");
  if (!one) return;
  event.preventDefault();
  show(one);
  dialog.showModal();
  (on.disabled ? close : on).focus();
});
back.addEventListener("click", () => step(-1));
on.addEventListener("click", () => step(1));
close.addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
dialog.addEventListener("keydown", (event) => {
  const forward = getComputedStyle(dialog).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
  if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
  event.preventDefault();
  step(event.key === forward ? 1 : -1);
});
dialog.addEventListener("close", () => {
  clearTimeout(waiting);
  picture.removeAttribute("src");
  shown.focus();
});
watch("value", () => {
  const [id, content] = String(props.value ?? "").split(":");
  if (dialog.open && content && Number(id) === idOf(shown)) picture.src = `data:image/jpeg;base64,${content}`;
});
