// What the person does, and what the page says.
import { bars, element, headline, kindOf, spoken } from "./answers.js";
import { Camera } from "./camera.js";
import { Classifier } from "./classifier.js";
import { keepOffline, letNewVersionsIn, whileLoading } from "./offline.js";
import { countRight } from "./self_check.js";
import { say, setSentences } from "./words.js";

const find = (id) => document.getElementById(id);
const MOST_ANSWERS = 200; // on the page; older ones go
const SPEAK_EVERY = 2000; // milliseconds between live answers that are read aloud
const camera = new Camera(find("video"), endCamera);
const classifier = new Classifier();
let model, lastSpoken = 0;

function tell(code, values = {}, kind = "") {
  find("status").textContent = say(code, values);
  find("status").className = kind;
}

async function begin() {
  const [config, record] = await Promise.all(["model.json", "export.json"].map((name) => fetch(name)));
  model = await config.json();
  setSentences(model);
  describe(await record.json());
  tell("loading", { megabytes: Math.max(1, Math.round(model.bytes / 1e6)) });
  const keeper = await keepOffline();
  find("offline").textContent = say(keeper ? "kept_offline" : "not_kept");
  await classifier.load(model);
  const total = model.samples.length, right = await countRight(classifier, model.samples);
  if (right === total) tell(keeper ? "ready_offline" : "ready", { total }, "good");
  else tell("check_failed", { right, total }, "bad");
  for (const id of ["files", "camera"]) find(id).disabled = false;
  find("camera").hidden = !Camera.isPossible();
  document.body.dataset.state = right === total ? "ready" : "differs";
  return keeper;
}

function describe({ verified }) {
  document.title = find("title").textContent = model.title;
  find("classes").replaceChildren(...model.labels.map((label) => element("li", {}, [element("bdi", { textContent: label })])));
  const facts = [...model.facts, say("verified", verified)];
  find("facts").replaceChildren(...facts.map((fact) => element("li", { textContent: fact })));
}

// -- files

async function classifyFiles(files) {
  if (!model || find("files").disabled) return;
  find("results").hidden = false;
  const places = [...files].map((file) => ({ file, place: addPlace(file.name) }));
  for (const [index, { file, place }] of places.entries()) {
    find("progress").textContent = places.length > 1 ? say("working", { done: index + 1, total: places.length }) : "";
    await fill(place, file);
  }
  find("progress").textContent = say("done", { count: places.length });
  const only = places.length === 1 && places[0].place.querySelector(".headline").textContent;
  find("spoken").textContent = only || say("done", { count: places.length });
}

function addPlace(name) {
  const place = element("li", { className: "answer" }, [
    element("div", { className: "picture" }),
    element("div", { className: "words" }, [
      element("p", { className: "headline", textContent: say("waiting") }),
      element("bdi", { className: "name", textContent: name }),
    ]),
  ]);
  const list = find("answers");
  list.prepend(place);
  while (list.children.length > MOST_ANSWERS) list.lastElementChild.remove();
  return place;
}

async function fill(place, file) {
  const line = place.querySelector(".headline");
  try {
    const answer = await classifier.classifyFile(file);
    place.classList.add(kindOf(answer));
    line.replaceChildren(...headline(answer, model.labels));
    const words = place.querySelector(".words");
    words.insertBefore(bars(answer, model.labels), words.lastElementChild);
    if (answer.isDeep) words.append(element("p", { className: "name", textContent: say("deep") }));
    place.querySelector(".picture").append(draw(answer.thumbnail));
  } catch (error) {
    place.classList.add("error");
    line.textContent = say(["unreadable", "elongated"].includes(error.code) ? error.code : "failed");
  }
}

function draw(bitmap) {
  const canvas = element("canvas", { width: bitmap.width, height: bitmap.height, ariaHidden: "true" });
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
  return canvas;
}

// -- camera

async function startCamera() {
  find("live").hidden = false;
  find("live-words").textContent = say("camera_starting");
  try {
    await camera.start();
    find("turn").hidden = !(await Camera.areSeveral());
    await watch();
  } catch (error) {
    endCamera();
    const code = { NotAllowedError: "camera_refused", NotFoundError: "camera_missing" }[error.name];
    tell(code || (error.code === "failed" ? "failed" : "camera_failed"), {}, "bad");
  }
}

function endCamera() {
  camera.stop();
  find("live").hidden = true;
  find("camera").focus();
}

async function watch() {
  find("live").scrollIntoView();
  find("stop").focus({ preventScroll: true });
  await camera.watch(async (frame) => {
    const answer = await classifier.classifyFrame(frame);
    const words = find("live-words");
    words.replaceChildren(...headline(answer, model.labels));
    words.className = kindOf(answer);
    find("live-bars").replaceChildren(bars(answer, model.labels));
    speak(spoken({ ...answer, shares: answer.shares.map((share) => Math.round(share * 10) / 10) }, model.labels));
  });
}

function speak(text) {
  const now = performance.now();
  if (now - lastSpoken < SPEAK_EVERY || find("spoken").textContent === text) return;
  lastSpoken = now;
  find("spoken").textContent = text;
}

// -- events

find("files").addEventListener("change", async ({ target }) => {
  const files = [...target.files];
  target.value = "";
  await classifyFiles(files);
});
find("camera").addEventListener("click", () => (camera.isOn ? endCamera() : startCamera()));
find("stop").addEventListener("click", endCamera);
find("turn").addEventListener("click", () => camera.turn().then(watch).catch(endCamera));
find("clear").addEventListener("click", () => {
  find("answers").replaceChildren();
  find("results").hidden = true;
  find("files").focus();
});
for (const kind of ["dragover", "dragleave", "drop"])
  addEventListener(kind, (event) => {
    event.preventDefault();
    find("choose").classList.toggle("over", kind === "dragover");
    if (kind === "drop") classifyFiles(event.dataTransfer.files);
  });

whileLoading(begin)
  .then((keeper) => keeper && letNewVersionsIn(keeper))
  .catch((error) => {
    console.error(error);
    if (model) tell("not_loaded", {}, "bad");
    document.body.dataset.state = "broken";
  });
