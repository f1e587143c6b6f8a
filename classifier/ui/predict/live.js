// Live answers: one frame of the camera is sent at a time and those that come meanwhile are dropped, so that an answer is
// never late. Answers are averaged over a few frames, and what is shown changes only when it is clear.
const SIDE = 320; // pixels of the shorter side of a frame that is sent
const GAP = 100; // milliseconds from one frame to the next, at least
const PATIENCE = 5000; // milliseconds after which an answer is given up
const LOOK = 400; // milliseconds between two looks whether the tab is still on view
const NEW = 0.35; // weight of a new answer in the average
const CLEAR = 0.1; // by how much another class must be ahead of the one that is shown
const BARS = 5;

const find = (selector) => element.querySelector(selector);
const video = find("video"), toggle = find(".pc-live-toggle"), keep = find(".pc-live-keep");
const panel = find(".pc-live-on"), answer = find(".pc-live-answer"), bars = find(".pc-bars"), status = find(".pc-status");
let running = false, frame = 0, sentAt = 0, watching = null;
let average = new Map(), doubt = { unsure: 0, unlike: 0 }, shown = "", colors = {};

const draw = (side) => {
  const canvas = document.createElement("canvas");
  const scale = Math.min(1, side / Math.min(video.videoWidth, video.videoHeight));
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  return canvas;
};
const send = () => {
  if (!running) return;
  frame += 1;
  sentAt = performance.now();
  trigger("submit", { frame, picture: draw(SIDE).toDataURL("image/jpeg", 0.8) });
};
const isOnView = () => element.checkVisibility() && !document.hidden;

const stop = () => {
  running = false;
  clearInterval(watching);
  closeCamera(video);
  panel.hidden = true;
  toggle.textContent = toggle.dataset.start;
  status.textContent = "";
};
const start = async () => {
  status.textContent = say("starting");
  try {
    await openCamera(video);
  } catch (code) {
    status.textContent = say(code);
    return closeCamera(video);
  }
  running = true;
  [average, doubt, shown] = [new Map(), { unsure: 0, unlike: 0 }, ""];
  answer.textContent = "";
  bars.replaceChildren();
  panel.hidden = false;
  toggle.textContent = toggle.dataset.stop;
  status.textContent = "";
  watching = setInterval(() => {
    if (!isOnView()) return stop();
    if (performance.now() - sentAt < PATIENCE) return;
    status.textContent = say("no_answer");
    send();
  }, LOOK);
  send();
};

// The average of the last answers: a class that is no longer among the first of an answer fades.
const blend = ({ top, reason, colors: told }) => {
  colors = { ...colors, ...told };
  const now = new Map(top), weight = average.size ? NEW : 1;
  for (const label of new Set([...average.keys(), ...now.keys()])) {
    const value = (1 - weight) * (average.get(label) ?? now.get(label)) + weight * (now.get(label) ?? 0);
    value < 0.001 ? average.delete(label) : average.set(label, value);
  }
  for (const kind of ["unsure", "unlike"]) doubt[kind] = (1 - weight) * doubt[kind] + weight * (reason === kind);
};
// A doubt is shown from more than half of the last answers on, and for as long as it is in more than a third.
const isDoubted = (kind) => doubt[kind] > (shown === kind ? 0.35 : 0.6);
const decide = (ranked) => {
  const kind = ["unlike", "unsure"].find(isDoubted);
  if (kind) return kind;
  const [best, value] = ranked[0], before = average.get(shown.slice(1)) ?? 0;
  return shown.startsWith("=") && before > value - CLEAR ? shown : `=${best}`;
};
const percent = (share) => say("percent", { percent: Math.round(100 * share) });
const fill = (row, label, share) => {
  const [name, track, value] = row.children;
  row.dataset.color = colors[label];
  name.textContent = name.title = label;
  track.firstChild.style.width = `${100 * share}%`;
  value.textContent = percent(share);
};
const render = () => {
  const ranked = [...average].sort((a, b) => b[1] - a[1]);
  const decided = decide(ranked);
  if (decided !== shown) {
    shown = decided;
    answer.textContent = shown.startsWith("=") ? shown.slice(1) : say(shown === "unlike" ? "unlike" : "not_sure");
    answer.classList.toggle("pc-doubt", !shown.startsWith("="));
  }
  // The bars stand in the order of the names, so that none jumps while its number changes.
  const rows = ranked.slice(0, BARS).sort((a, b) => a[0].localeCompare(b[0], undefined, { numeric: true }));
  while (bars.children.length > rows.length) bars.lastChild.remove();
  while (bars.children.length < rows.length) bars.append(find("template").content.cloneNode(true));
  rows.forEach(([label, share], index) => fill(bars.children[index], label, share));
};

watch("value", () => {
  const told = JSON.parse(props.value || "{}");
  if (!running || told.frame !== frame) return;
  status.textContent = told.error ?? "";
  if (!told.error) {
    blend(told);
    render();
    element.dataset.answers = Number(element.dataset.answers ?? 0) + 1;
  }
  setTimeout(send, Math.max(told.error ? 1000 : 0, GAP - (performance.now() - sentAt)));
});
toggle.addEventListener("click", () => (running ? stop() : start()));
keep.addEventListener("click", () =>
  draw(Infinity).toBlob(async (blob) => {
    const file = new File([blob], `${keep.dataset.name}.jpg`, { type: "image/jpeg" });
    trigger("select", { files: [{ path: (await upload(file)).path, name: file.name }] });
  }, "image/jpeg", 0.92),
);
document.addEventListener("visibilitychange", () => running && document.hidden && stop());
