// Collects photos with the names of their folders, uploads them six at a time, and sends the server a list of
// {path, name}. Gradio's own file components drop the folder names, which are the classes.
const find = (selector) => element.querySelector(selector);
const zone = find(".pc-drop"), status = find(".pc-status"), bar = find(".pc-drop .pc-track i");
const ask = find(".pc-ask"), className = find(".pc-ask input");
const wantsFolders = Boolean(find(".pc-folder"));
const isAside = zone.hasAttribute("data-aside"); // takes only what is dropped on it: another area has the rest
const AT_ONCE = 6;
const FEW = 6; // from so many loose photos on, their names may hold the classes, which the server finds out
const LIMIT = Number(zone.dataset.limit);
const MOST_BYTES = Number(zone.dataset.bytes);
let refused = ""; // the sentence on the files that are too large, which stays until the next drop
let pending = []; // loose photos that wait for the name of their class
let busy = false;
const LONGEST_WAIT = 30000; // milliseconds
// The server sets the first value when it knows the visitor: what is sent before belongs to nobody, and is refused.
let isKnown = !wantsFolders || isAside || Boolean(props.value);
let known;
const visitorKnown = new Promise((give) => (known = give));

const show = (text, fraction) => {
  status.textContent = text;
  bar.parentElement.hidden = fraction === undefined;
  bar.style.width = `${(fraction || 0) * 100}%`;
};
const setBusy = (value) => {
  busy = value;
  zone.classList.toggle("pc-working", value);
};
const isZip = (name) => name.toLowerCase().endsWith(".zip");
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

async function send(items, label) {
  setBusy(true);
  const uploads = new Array(items.length);
  let next = 0, done = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      const { file, name } = items[index];
      try {
        uploads[index] = { path: (await upload(file)).path, name };
      } catch {
        uploads[index] = { path: null, name };
      }
      done += 1;
      show(say("sending", { done, total: items.length }), done / items.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (!isKnown) await Promise.race([visitorKnown, new Promise((give) => setTimeout(give, LONGEST_WAIT))]);
  show(refused);
  if (wantsFolders) document.dispatchEvent(new Event("pc-working"));
  trigger("submit", { files: uploads, label });
}

// Leave out the files that the server would refuse after they were sent.
function splitOff(items) {
  const large = items.filter(({ file }) => file && file.size > MOST_BYTES);
  const told = { count: large.length, limit: MOST_BYTES / 1e6, name: large[0]?.name };
  refused = !large.length ? "" : large.length === 1 ? say("too_large_one", told) : say("too_large", told);
  return items.filter((item) => !large.includes(item));
}

function take(found, label = "") {
  let items = found.filter((item) => item.file === null || !isHidden(item.name));
  if (busy || !items.length) return show(busy ? say("busy") : "");
  if (items.length > LIMIT) return show(say("too_many_files", { count: items.length, limit: LIMIT }));
  items = splitOff(items);
  if (!items.length) return show(refused);
  const loose = items.every(({ name }) => !name.includes("/") && !isZip(name) && !TABLE.test(name));
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
  show(say("reading_photos"));
});

// The server sets a new value when it is ready again, also after an error.
watch("value", () => {
  if (!isKnown) {
    isKnown = true;
    return known();
  }
  setBusy(false);
  show(refused);
});

zone.dataset.ready = "yes"; // for tests that drive the page: from now on the listeners are there
