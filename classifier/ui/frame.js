// What concerns the whole page: the headings of pop-ups, what is read out, and where the focus is.

// Gradio heads every error “Error”, whatever heading came with it, loses the words of some, and has its own for a lost
// connection.
const LOST = /^Connection (to the server was )?lost/i;
const NO_WORDS = /^(An error occurred|Error)?$/;
const renamePopUps = () => {
  for (const title of document.querySelectorAll(".toast-title.error")) {
    if (title.textContent.trim() === "Error") title.textContent = say("error");
    for (const words of title.closest(".toast-body").querySelectorAll("[data-testid=toast-text]")) {
      const text = words.textContent.trim();
      if (LOST.test(text)) {
        title.textContent = say("connection_lost");
        words.textContent = say("connection_lost_words");
      } else if (NO_WORDS.test(text)) words.textContent = say("bug");
    }
  }
};

// One region that is always there: readers miss what comes together with its region. Elements with data-say bring the
// words that are read out when they come into view.
const host = document.createElement("div"), voice = document.createElement("div");
host.className = "pc-voice";
voice.setAttribute("role", "status");
voice.setAttribute("aria-live", "polite");
host.attachShadow({ mode: "closed" }).append(voice); // no second copy of the words for who searches the page
document.body.append(host);
let told = new Set(), isOpen = false, tab = null;
const readOut = () => {
  const now = new Set(), fresh = [], before = tab;
  tab = document.querySelector("#tabs [role=tab][aria-selected=true]")?.textContent;
  for (const found of document.querySelectorAll("[data-say]")) {
    if (!found.getClientRects().length) continue;
    const words = found.dataset.say || found.textContent;
    const key = `${found.closest("[id]")?.id} ${words}`;
    now.add(key);
    if (isOpen && tab === before && !told.has(key)) fresh.push(words);
  }
  told = now;
  if (fresh.length) host.dataset.told = voice.textContent = fresh.slice(0, 3).join(" ");
};

// Where what had the focus is gone, hidden or switched off after an action, its neighbor gets it, not the page.
const CAN = "a[href], button, select, summary, input:not([type=hidden]), textarea, [tabindex='0']";
const TYPED = "input:not([type]), input[type=text], textarea"; // a phone would show its keyboard
const isThere = (found) => found.isConnected && found.getClientRects().length > 0 && !found.disabled;
const usable = (place) => [...place.querySelectorAll(CAN)].filter(isThere);
const nameOf = (found) => found.getAttribute("aria-label") || found.textContent.trim() || found.value || "";
let last = null, name = "", places = [], panel = null;
document.addEventListener("focusin", ({ target }) => {
  last = target;
  name = nameOf(target);
  panel = target.closest("[role=tabpanel]");
  places = [];
  for (let place = target.parentElement; place && place !== document.body; place = place.parentElement)
    if (place.id) places.push([place.id, usable(place).indexOf(target)]);
});
document.addEventListener("pointerdown", ({ target }) => {
  if (!target.closest(CAN)) last = null; // a press on nothing takes the focus away, as everywhere
});
const keepFocus = () => {
  if (!last || document.activeElement !== document.body || document.querySelector("dialog[open]")) return;
  if (isThere(last)) return last.matches(TYPED) ? undefined : last.focus({ preventScroll: true });
  if (last.isConnected && last.disabled && last.getClientRects().length) return; // it comes back when it is ready
  const isLeft = panel?.isConnected && !panel.getClientRects().length; // another tab was opened
  for (const [id, index] of isLeft ? [] : places) {
    const place = document.getElementById(id);
    if (!place || !place.getClientRects().length) continue;
    const around = usable(place).filter((found) => !found.matches(TYPED));
    const next = around.find((found) => nameOf(found) === name) || around[Math.min(Math.max(index, 0), around.length - 1)];
    if (next) return next.focus({ preventScroll: true });
  }
  document.querySelector("#tabs [role=tab][aria-selected=true]")?.focus({ preventScroll: true });
};

// Ways of the keyboard: past a list with many stops, and from tab to tab; Gradio's tabs know no arrow keys.
document.addEventListener("click", ({ target }) => {
  const skip = target.closest?.(".pc-skip"), passed = skip?.closest(".html-container");
  if (!passed) return;
  usable(document).find((one) => passed.compareDocumentPosition(one) === Node.DOCUMENT_POSITION_FOLLOWING)?.focus();
});
document.addEventListener("keydown", (event) => {
  const row = event.target.closest?.("#tabs [role=tablist]");
  const all = row ? [...row.querySelectorAll("[role=tab]")].filter(isThere) : [];
  const forward = getComputedStyle(document.body).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
  const step = { ArrowLeft: -1, ArrowRight: -1, [forward]: 1 }[event.key];
  const place = event.key === "Home" ? 0 : event.key === "End" ? -1 : step && (all.indexOf(event.target) + step) % all.length;
  if (!all.length || place === undefined) return;
  event.preventDefault();
  all.at(place).focus(); // Enter opens it
});

let isPlanned = false;
const look = () => {
  isPlanned = false;
  renamePopUps();
  readOut();
  keepFocus();
};
new MutationObserver(() => {
  if (isPlanned) return;
  isPlanned = true;
  setTimeout(look, 150); // after what Gradio draws at once
}).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["class", "disabled", "data-say"] });
const open = () => setTimeout(() => (isOpen = true), 1000);
document.addEventListener("pc-drawn", open);
setTimeout(open, 10000);
