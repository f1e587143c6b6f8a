// Collects photos with the names of their folders, uploads them (see send.js), and sends the server a list of
// {path, name}. Gradio's own file components drop the folder names, which are the classes.
const find = (selector) => element.querySelector(selector);
const zone = find(".pc-drop"), status = find(".pc-status"), bar = find(".pc-drop .pc-track");
const figures = find(".pc-figures"), stop = find(".pc-stop");
const ask = find(".pc-ask"), className = find(".pc-ask input");
const wantsFolders = Boolean(find(".pc-folder"));
const isAside = zone.hasAttribute("data-aside"); // takes only what is dropped on it: another area has the rest
const FEW = 6; // from so many loose photos on, their names may hold the classes, which the server finds out
const LIMIT = Number(zone.dataset.limit);
const MOST_BYTES = Number(zone.dataset.bytes);
let refused = ""; // the sentence on the files that are too large, which stays until the next drop
let pending = []; // loose photos that wait for the name of their class
let busy = false;
let sending = null; // what stops the files that are on their way
const LONGEST_WAIT = 30000; // milliseconds
const SETTLED = 3; // seconds after which the speed says how long the rest takes
// The server sets the first value when it knows the visitor: what is sent before belongs to nobody, and is refused.
let isKnown = !wantsFolders || isAside || Boolean(props.value);
let known;
const visitorKnown = new Promise((give) => (known = give));

// A screen reader says the text, which changes seldom; the figures change all the time. A bar without a fraction moves.
const show = (text, fraction) => {
  if (status.textContent !== text) status.textContent = text;
  bar.hidden = fraction === undefined;
  bar.classList.toggle("pc-busy", fraction === null);
  bar.firstElementChild.style.width = fraction ? `${fraction * 100}%` : "";
  if (fraction) bar.setAttribute("aria-valuenow", Math.round(fraction * 100));
  else bar.removeAttribute("aria-valuenow");
  if (!fraction) figures.textContent = "";
  stop.hidden = !sending;
};
const setBusy = (value) => {
  busy = value;
  zone.classList.toggle("pc-working", value);
};
const isPacked = (name) => /(\.(zip|tar|tar\.gz|tgz|parquet|bin)|ubyte(\.gz)?)$/i.test(name); // it holds several photos
// A “.git” beside the photos may hold thousands of files, and none of them is a photo. What iCloud leaves in place of
// a photo that it did not load, “.name.icloud”, is listed.
const isHidden = (name) => name.replace(/(^|\/)\.[^/]+\.icloud$/, "").split("/").some((part) => part.startsWith("."));
const TABLE = /\.(csv|tsv|txt|xlsx|jsonl?|xml|ya?ml)$/i;

async function walk(entry, folder, found) {
  const name = folder + entry.name;
  if (entry.isFile) {
    const file = await new Promise((give) => entry.file(give, () => give(null)));
    found.push({ file, name });
    return;
  }
  if (entry.name.startsWith(".")) return;
  const reader = entry.createReader();
  for (;;) {
    // A browser returns at most a hundred entries at a time, and none at the end.
    const some = await new Promise((give) => reader.readEntries(give, () => give([])));
    if (!some.length) return;
    for (const inner of some) await walk(inner, `${name}/`, found);
  }
}

async function collect(transfer) {
  // The entries must be read before the first await: the browser clears them afterwards.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const loose = [...transfer.files].map((file) => ({ file, name: file.name }));
  if (!entries.length) return loose;
  const found = [];
  show(say("reading_folders"));
  for (const entry of entries) await walk(entry, "", found);
  return found;
}

const megabytes = (bytes) => (bytes / 1e6).toLocaleString(rules.language, { maximumFractionDigits: 1 });

// How much is sent, and how long the rest takes at the speed so far, once that is known.
const inFigures = ({ done, total, sent, size }, seconds) => {
  const values = { done, total, sent: megabytes(sent), size: megabytes(size) };
  const left = sent ? (seconds * (size - sent)) / sent : 0;
  if (seconds < SETTLED || sent === size) return say("figures", values);
  return left < 60 ? say("figures_seconds", values) : say("figures_minutes", { ...values, minutes: Math.round(left / 60) });
};

async function send(items, label) {
  setBusy(true);
  sending = new AbortController();
  const { signal } = sending, began = performance.now();
  const text = say("sending", { count: items.length });
  show(text, 0);
  const uploads = await sendAll(items, signal, (state) => {
    figures.textContent = inFigures(state, (performance.now() - began) / 1000);
    show(text, state.size ? state.sent / state.size : state.done / state.total);
  });
  sending = null;
  if (signal.aborted) {
    setBusy(false);
    show(say("cancelled"));
    return find("input[type=file]").focus();
  }
  if (!isKnown) await Promise.race([visitorKnown, new Promise((give) => setTimeout(give, LONGEST_WAIT))]);
  show(say("reading_photos"), null);
  if (wantsFolders) document.dispatchEvent(new Event("pc-working"));
  trigger("submit", { files: uploads, label });
}
stop.addEventListener("click", () => sending?.abort());

// Leave out the files that the server would refuse after they were sent.
function splitOff(items) {
  const isLarge = ({ file }) => file && file.size > MOST_BYTES;
  const large = items.filter(isLarge);
  const told = { count: large.length, limit: MOST_BYTES / 1e6, name: large[0]?.name };
  refused = !large.length ? "" : large.length === 1 ? say("too_large_one", told) : say("too_large", told);
  return items.filter((item) => !isLarge(item));
}

function take(found, label = "") {
  let items = found.filter((item) => item.file === null || !isHidden(item.name));
  if (busy || !items.length) return show(busy ? say("busy") : "");
  if (items.length > LIMIT) return show(say("too_many_files", { count: items.length, limit: LIMIT }));
  items = splitOff(items);
  if (!items.length) return show(refused);
  const loose = items.every(({ name }) => !name.includes("/") && !isPacked(name) && !TABLE.test(name));
  if (label || !wantsFolders || !loose || items.length >= FEW) {
    ask.hidden = true;
    return void send(items, label);
  }
  pending = items;
  find(".pc-ask b").textContent =
    items.length === 1 ? say("which_class_one") : say("which_class", { count: items.length });
  ask.hidden = false;
  show(refused);
  className.focus();
}

for (const input of element.querySelectorAll("input[type=file]"))
  input.addEventListener("change", () => {
    const chosen = [...input.files];
    input.value = ""; // so that the same folder can be chosen again
    take(chosen.map((file) => ({ file, name: file.webkitRelativePath || file.name })));
  });

// The whole page catches drops while this area is on view: beside the area the browser would open the photo.
const onView = () => element.offsetParent !== null;
const isMine = (event) => {
  const over = event.target.closest?.(".pc-drop");
  return over ? over === zone : !isAside;
};
const carriesFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
document.addEventListener("dragover", (event) => {
  if (!onView() || !carriesFiles(event)) return;
  event.preventDefault();
  if (!isMine(event)) return zone.classList.remove("pc-over");
  zone.classList.add("pc-over");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) zone.classList.remove("pc-over");
});
document.addEventListener("drop", async (event) => {
  zone.classList.remove("pc-over");
  if (!onView() || !carriesFiles(event) || event.defaultPrevented || !isMine(event)) return;
  event.preventDefault();
  // What is dropped on the bar of a class is of that class.
  const label = wantsFolders && !isAside && event.target.closest?.("button[data-label]")?.dataset.label;
  take(await collect(event.dataTransfer), label || "");
});
document.addEventListener("paste", (event) => {
  const pasted = [...(event.clipboardData?.files || [])];
  if (onView() && !isAside && pasted.length) take(pasted.map((file) => ({ file, name: file.name })));
});

const confirm = () => {
  const label = className.value.trim();
  if (!label) return className.focus();
  ask.hidden = true;
  className.value = "";
  send(pending, label);
  pending = [];
};
find(".pc-ask-add").addEventListener("click", confirm);
find(".pc-ask-no").addEventListener("click", () => {
  ask.hidden = true;
  pending = [];
});
className.addEventListener("keydown", (event) => event.key === "Enter" && confirm());

// The server reads photos: those sent from here, or those that waited for an answer.
document.addEventListener("pc-working", () => {
  if (!wantsFolders || !onView()) return;
  setBusy(true);
  show(say("reading_photos"), null);
});

// The server sets a new value when it is ready again, also after an error; a tab that is only drawn again sets
// another, which says nothing of what is on its way.
watch("value", () => {
  if (!isKnown) {
    isKnown = true;
    document.dispatchEvent(new Event("pc-drawn")); // for opening.js
    return known();
  }
  if (!props.value.startsWith("ready") || sending) return;
  setBusy(false);
  show(refused);
});

zone.dataset.ready = "yes"; // for tests that drive the page: from now on the listeners are there
