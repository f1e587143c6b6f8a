// A live view that stays open, bursts of frames as long as a button or the space bar is held, and frames of a video.
// The frames of one burst are sent together: the server keeps them in one group.
const find = (selector) => element.querySelector(selector);
const panel = find(".pc-camera"), stage = find(".pc-stage"), view = find("video"), taken = find(".pc-taken");
const className = find(".pc-ask input"), why = find(".pc-why"), status = find(".pc-status"), bar = find(".pc-track");
const open = find(".pc-open"), shoot = find(".pc-shoot"), other = find(".pc-switch"), close = find(".pc-close");
const video = find(".pc-video"), still = find(".pc-still"), stop = find(".pc-stop"), again = find(".pc-again");
const EVERY = 250; // milliseconds between two frames
const MOST = Number(panel.dataset.most);
const LONGEST_SIDE = 1280; // pixels of a frame
const QUALITY = 0.92;
const LONGEST_WAIT = 20000; // milliseconds for a part of a video
const canvas = document.createElement("canvas");

let stream = null, cameras = [], frames = [], timer = 0, last = -1;
let waiting = []; // bursts that are still to be sent, the first of which is on its way
let reading = null; // what stops the reading of a video
let isOpening = false;

const tell = (text) => {
  if (status.textContent !== text) status.textContent = text;
};
const fill = (fraction) => {
  bar.hidden = fraction === undefined;
  bar.firstElementChild.style.width = `${(fraction || 0) * 100}%`;
};
const draw = () => {
  const live = Boolean(stream);
  stage.hidden = shoot.hidden = close.hidden = !live;
  open.hidden = live;
  still.hidden = Boolean(navigator.mediaDevices); // the camera program of a phone, which needs no secure page
  other.hidden = !live || cameras.length < 2;
  video.hidden = live || Boolean(reading);
  stop.hidden = !reading;
  again.hidden = !waiting[0]?.isRefused;
};

// The frames as the camera gives them: what is mirrored is the view alone.
const frameOf = (source) => {
  const scale = Math.min(1, LONGEST_SIDE / Math.max(source.videoWidth, source.videoHeight));
  canvas.width = Math.round(source.videoWidth * scale);
  canvas.height = Math.round(source.videoHeight * scale);
  canvas.getContext("2d").drawImage(source, 0, 0, canvas.width, canvas.height);
  return new Promise((give) => canvas.toBlob(give, "image/jpeg", QUALITY));
};
const two = (number) => String(number).padStart(2, "0");
// The name holds the time, as cameras write it.
const nameOf = (number) => {
  const now = new Date();
  const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  return `camera-${day}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}-${number}.jpg`;
};
const label = () => {
  const name = className.value.trim();
  if (!name) {
    tell(say("which_class"));
    className.focus();
  }
  return name;
};

// Sending, one burst after another: the server says by its value when it is done with one.
const next = async () => {
  const burst = waiting[0];
  if (!burst || burst.isSent) return draw();
  burst.isSent = true;
  tell(say("adding", { count: burst.items.length, label: burst.label }));
  fill(0);
  burst.files ??= await sendAll(burst.items, new AbortController().signal, ({ sent, size }) => fill(sent / size));
  fill();
  if (burst.files.some(({ path }) => path)) return trigger("submit", { files: burst.files, label: burst.label });
  burst.files = undefined;
  refuse(burst);
  tell(say("not_sent"));
};
const refuse = (burst) => {
  burst.isSent = false;
  burst.isRefused = true;
  draw();
};
const add = async (name, blobs) => {
  const found = (await Promise.all(blobs)).filter(Boolean);
  const files = found.map((blob, number) => new File([blob], nameOf(number + 1), { type: blob.type }));
  put(name, files);
};
const put = (name, files) => {
  if (!files.length) return;
  const items = files.map((file) => ({ file, name: file.name }));
  waiting.push({ label: name, items });
  if (!waiting[0].isRefused) next();
};
watch("value", () => {
  const [burst] = waiting;
  if (!burst?.isSent) return;
  tell("");
  if (props.value.startsWith("refused")) return refuse(burst);
  waiting.shift();
  next();
});
again.addEventListener("click", () => {
  waiting[0].isRefused = false;
  next();
});

// The camera
async function turnOn(wanted) {
  if (isOpening) return;
  turnOff();
  isOpening = true;
  tell(say("starting"));
  try {
    stream = await openCamera(view, wanted);
    stream.getVideoTracks()[0].addEventListener("ended", () => (turnOff(), tell(say("gone"))));
    cameras = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput");
    tell(say("ready"));
  } catch (code) {
    tell(say(code));
  }
  isOpening = false;
  draw();
  if (stream) shoot.focus();
}
function turnOff() {
  end();
  closeCamera(view);
  stream = null;
  draw();
}
open.addEventListener("click", () => turnOn());
close.addEventListener("click", () => {
  turnOff();
  tell("");
  open.focus();
});
other.addEventListener("click", () => {
  const now = stream?.getVideoTracks()[0].getSettings().deviceId;
  const place = cameras.findIndex(({ deviceId }) => deviceId === now);
  turnOn({ deviceId: { exact: cameras[(place + 1) % cameras.length].deviceId } });
});
// Nobody is filmed by a page that is not looked at.
new ResizeObserver(() => stream && !panel.offsetParent && turnOff()).observe(panel);

// Bursts
const take = () => {
  if (frames.length >= MOST) {
    end();
    return tell(say("enough"));
  }
  if (view.currentTime === last) return; // the camera has no new picture yet
  last = view.currentTime;
  frames.push(frameOf(view));
  taken.textContent = say("taken", { count: frames.length });
};
function begin() {
  if (!stream || timer || !label()) return;
  tell("");
  frames = [];
  last = -1;
  shoot.classList.add("pc-held");
  timer = setInterval(take, EVERY);
  take();
}
function end() {
  if (!timer) return;
  clearInterval(timer);
  timer = 0;
  shoot.classList.remove("pc-held");
  taken.textContent = "";
  add(className.value.trim(), frames);
}
shoot.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  shoot.setPointerCapture(event.pointerId);
  begin();
});
for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) shoot.addEventListener(name, end);
shoot.addEventListener("contextmenu", (event) => event.preventDefault()); // a long press on a phone
// A screen reader presses without a pointer: one photo.
shoot.addEventListener("click", (event) => {
  if (event.detail) return;
  begin();
  end();
});
const isKey = (event) => {
  if (!stream || !panel.offsetParent || event.ctrlKey || event.metaKey || event.altKey) return false;
  if (event.target === shoot) return event.key === " " || event.key === "Enter";
  return event.key === " " && !event.target.closest?.("input, textarea, select, button, a, summary, [contenteditable], [role]");
};
document.addEventListener("keydown", (event) => {
  if (!isKey(event)) return;
  event.preventDefault();
  if (!event.repeat) begin();
});
document.addEventListener("keyup", (event) => {
  if (!timer || (event.key !== " " && event.key !== "Enter")) return;
  event.preventDefault();
  end();
});
for (const [target, name] of [[window, "blur"], [document, "visibilitychange"]]) target.addEventListener(name, end);

// “Nothing of these”
find(".pc-nothing").addEventListener("click", () => {
  className.value = say("nothing_class");
  why.textContent = say("nothing_why");
  (stream ? shoot : open).focus();
});
className.addEventListener("input", () => (why.textContent = ""));

// Videos
const until = (clip, name) =>
  new Promise((give, fail) => {
    const late = setTimeout(fail, LONGEST_WAIT);
    clip.addEventListener(name, () => (clearTimeout(late), give()), { once: true });
    clip.addEventListener("error", () => (clearTimeout(late), fail()), { once: true });
  });
const seek = async (clip, seconds) => {
  const there = until(clip, "seeked");
  clip.currentTime = seconds;
  await there;
};
async function readVideo(file, signal) {
  const clip = document.createElement("video");
  clip.muted = clip.playsInline = true;
  clip.preload = "auto";
  const blobs = [];
  try {
    const there = until(clip, "loadeddata");
    clip.src = URL.createObjectURL(file);
    await there;
    if (clip.duration === Infinity) await seek(clip, 1e9); // recorded by a browser, which writes no length
    const step = Math.max(EVERY / 1000, clip.duration / MOST);
    const count = Math.max(1, Math.min(MOST, Math.floor(clip.duration / step)));
    for (let number = 0; number < count && !signal.aborted; number++) {
      await seek(clip, number * step);
      blobs.push(await frameOf(clip));
      fill((number + 1) / count);
    }
  } finally {
    URL.revokeObjectURL(clip.src);
  }
  return blobs;
}
video.querySelector("input").addEventListener("change", async ({ target }) => {
  const [file] = target.files;
  const name = label();
  target.value = ""; // so that the same video can be chosen again
  if (!file || !name) return;
  reading = new AbortController();
  const { signal } = reading;
  tell(say("reading_video"));
  fill(0);
  draw();
  let blobs = [];
  try {
    blobs = await readVideo(file, signal);
    tell("");
  } catch {
    tell(say("no_video", { name: file.name }));
  }
  reading = null;
  fill();
  draw();
  if (!signal.aborted) add(name, blobs);
});
stop.addEventListener("click", () => reading?.abort());
still.querySelector("input").addEventListener("change", ({ target }) => {
  const files = [...target.files];
  const name = label();
  target.value = ""; // so that the same photo can be chosen again
  if (name) put(name, files.slice(0, MOST));
});
draw();
panel.dataset.ready = "yes"; // for tests that drive the page
