// Gathers photos with the folder names they came with, uploads them six at a time, and hands the
// server a list of {path, name}. Gradio's own file components forget the folders, which are the classes.
const find = (selector) => element.querySelector(selector);
const zone = find(".pc-drop"), status = find(".pc-status"), bar = find(".pc-drop .pc-track i");
const ask = find(".pc-ask"), className = find(".pc-ask input");
const wantsFolders = Boolean(find(".pc-folder"));
const AT_ONCE = 6;
let held = [];
let busy = false;

const say = (text, share) => {
  status.textContent = text;
  bar.parentElement.hidden = share === undefined;
  bar.style.width = `${(share || 0) * 100}%`;
};
const setBusy = (value) => {
  busy = value;
  zone.classList.toggle("pc-working", value);
};
const files = (count) => (count === 1 ? "1 file" : `${count} files`);
const isZip = (name) => name.toLowerCase().endsWith(".zip");
// A “.git” beside the photos may hold thousands of files, and none of them is a photo.
const isHidden = (name) => name.split("/").slice(0, -1).some((part) => part.startsWith("."));

async function walk(entry, folder, found) {
  const name = folder + entry.name;
  if (entry.isFile) {
    const file = await new Promise((give) => entry.file(give, () => give(null)));
    found.push({ file, name });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    // A browser gives at most a hundred entries at a time, and none when it is done.
    const some = await new Promise((give) => reader.readEntries(give, () => give([])));
    if (!some.length) return;
    for (const inner of some) await walk(inner, `${name}/`, found);
  }
}

async function dropped(transfer) {
  // The entries must be asked for before the first pause: the browser forgets them afterwards.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const loose = [...transfer.files].map((file) => ({ file, name: file.name }));
  if (!entries.length) return loose;
  const found = [];
  say("Looking through the folders…");
  for (const entry of entries) await walk(entry, "", found);
  return found;
}

async function send(items, label) {
  setBusy(true);
  const answers = new Array(items.length);
  let next = 0, done = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      const { file, name } = items[index];
      try {
        answers[index] = { path: (await upload(file)).path, name };
      } catch {
        answers[index] = { path: null, name };
      }
      done += 1;
      say(`Sending ${done} of ${files(items.length)}…`, done / items.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  say(wantsFolders ? "Looking at the photos…" : "");
  trigger("submit", { files: answers, label });
}

function take(found) {
  const items = found.filter((item) => item.file === null || !isHidden(item.name));
  if (busy || !items.length) return say(busy ? "One moment: the last photos are still on their way." : "");
  const loose = items.every((item) => !item.name.includes("/") && !isZip(item.name));
  if (!wantsFolders || !loose) return void send(items, "");
  held = items;
  find(".pc-ask b").textContent =
    items.length === 1 ? "Which class does this photo belong to?" : `Which class do these ${items.length} photos belong to?`;
  ask.hidden = false;
  say("");
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
const carriesFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
document.addEventListener("dragover", (event) => {
  if (!onView() || !carriesFiles(event)) return;
  event.preventDefault();
  zone.classList.add("pc-over");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) zone.classList.remove("pc-over");
});
document.addEventListener("drop", async (event) => {
  zone.classList.remove("pc-over");
  if (!onView() || !carriesFiles(event) || event.defaultPrevented) return;
  event.preventDefault();
  take(await dropped(event.dataTransfer));
});
document.addEventListener("paste", (event) => {
  const pasted = [...(event.clipboardData?.files || [])];
  if (onView() && pasted.length) take(pasted.map((file) => ({ file, name: file.name })));
});

const confirm = () => {
  const label = className.value.trim();
  if (!label) return className.focus();
  ask.hidden = true;
  className.value = "";
  send(held, label);
  held = [];
};
find(".pc-ask-add").addEventListener("click", confirm);
find(".pc-ask-no").addEventListener("click", () => {
  ask.hidden = true;
  held = [];
});
className.addEventListener("keydown", (event) => event.key === "Enter" && confirm());

// The server sets a new value whenever it is done, also after an error.
watch("value", () => {
  setBusy(false);
  say("");
});

zone.dataset.ready = "yes"; // for whoever drives the page: from here on nothing that is chosen gets lost
