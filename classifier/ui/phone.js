// The page that a phone opens: sends photos one after another, two at a time, and says what became of them.
const find = (selector) => document.querySelector(selector);
const status = find(".pc-status"), bar = find(".pc-track"), problems = find(".pc-problems"), again = find(".pc-again");
const inputs = [...document.querySelectorAll("input")];
const AT_ONCE = 2;
const ENDED = 404; // what the server answers when the link has ended
let waiting = [], failed = [], sent = new Map(), total = 0, size = 0, done = 0, arrived = 0, running = 0;

document.body.classList.toggle("dark", matchMedia("(prefers-color-scheme: dark)").matches);
const fill = () => {
  const bytes = [...sent.values()].reduce((sum, one) => sum + one, 0);
  bar.hidden = !running;
  bar.firstElementChild.style.width = `${size ? (bytes / size) * 100 : 0}%`;
};
const complain = (words) => {
  const item = document.createElement("li");
  item.textContent = words;
  problems.append(item);
};
const send = (file) =>
  new Promise((give) => {
    const request = new XMLHttpRequest(), form = new FormData();
    form.append("files", file);
    request.open("POST", location.href.split("#")[0]);
    request.responseType = "json";
    request.upload.onprogress = ({ loaded }) => (sent.set(file, Math.min(loaded, file.size)), fill());
    request.onload = () => give(request);
    request.onerror = () => give(null);
    request.send(form);
  });
const end = (words) => {
  waiting = failed = [];
  arrived = 0; // no “You can add more”
  inputs.forEach((input) => ((input.disabled = true), (input.parentElement.hidden = true)));
  complain(words);
};
const work = async () => {
  running += 1;
  while (waiting.length) {
    const file = waiting.shift();
    status.textContent = say("sending", { done, total });
    const answer = await send(file);
    if (!answer || (!answer.response && answer.status !== 200)) failed.push(file);
    else if (answer.status === 200) arrived += 1;
    else if (answer.status === ENDED) end(answer.response.error);
    else complain(answer.response.error);
    sent.set(file, file.size);
    done += 1;
    fill();
  }
  running -= 1;
  if (running) return;
  fill();
  again.hidden = !failed.length;
  if (failed.length) status.textContent = say("not_sent", { count: failed.length });
  else status.textContent = arrived ? say("arrived", { count: arrived }) : "";
};
const take = (files) => {
  if (!running) [sent, total, size, done] = [new Map(), 0, 0, 0];
  problems.replaceChildren();
  waiting.push(...files);
  total += files.length;
  size += files.reduce((sum, file) => sum + file.size, 0);
  for (let place = running; place < AT_ONCE; place++) work();
};
for (const input of inputs)
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = ""; // so that the same photo can be taken again
    if (files.length) take(files);
  });
again.addEventListener("click", () => {
  const files = failed;
  failed = [];
  take(files);
});
