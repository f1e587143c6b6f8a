// Shows the opening until Gradio has drawn the page behind it, so that nothing moves on the screen meanwhile.
(() => {
  const LONGEST = 5000; // milliseconds from the first sign of the page to its end, should an event get lost
  const GIVE_UP = 60000;
  const root = document.documentElement, begin = performance.now();
  // Gradio takes the language of the browser for that of the page, whatever language the words are in.
  const lang = root.lang;
  new MutationObserver(() => root.lang !== lang && (root.lang = lang)).observe(root, { attributeFilter: ["lang"] });
  const wanted = new URLSearchParams(location.search).get("__theme");
  if (wanted ? wanted === "dark" : matchMedia("(prefers-color-scheme: dark)").matches) document.body.classList.add("dark");

  // Gradio has all of its description of the page watched for changes, though the lists of components and events never
  // change, and looks through all components, twice, for what an event that follows another is about, which is none. Both
  // take half a second. Only lists and objects of the plain classes are watched.
  const { components = [], dependencies: events = [], page = {} } = window.gradio_config ?? {};
  const isOf = (kind, one) => Object.setPrototypeOf(one, kind.prototype);
  for (const list of [components, events]) isOf(class extends Array {}, list);
  for (const { layout } of Object.values(page)) isOf(class {}, layout);
  for (const one of events) one.targets = one.targets.filter(([component]) => component !== null);

  // At the end of each event Gradio gives a new state of loading to all of its inputs, although only streams show one.
  // It adds the inputs to the list of what shows that the event runs, which stays as it is here where it is empty.
  class Nothing extends Array {
    concat() {
      return this;
    }
  }
  for (const { show_progress_on: shown } of events) if (shown?.length === 0) isOf(Nothing, shown);

  // A state has no value here: Gradio answers null for each, and takes the first null for a change, which other events
  // wait for. A change that the server tells of is told to them all the same.
  for (const one of components) if (one.type === "state") one.props.value = null;

  // Gradio's own sign counts its seconds in every frame, and goes on when it is gone. Who asks for a frame in one of its
  // frames is the sign.
  const ask = window.requestAnimationFrame.bind(window);
  let isOver = false, inSign = false;
  window.requestAnimationFrame = (draw) => {
    if (!inSign && (isOver || !String(draw).includes("performance.now()"))) return ask(draw);
    return isOver ? 0 : ask((now) => {
      inSign = true;
      try {
        draw(now);
      } finally {
        inSign = false;
      }
    });
  };

  root.classList.add("pc-opening");
  let seen = 0;
  const end = () => {
    clearInterval(waiting);
    isOver = true;
    root.classList.remove("pc-opening");
    document.getElementById("opening")?.remove();
  };
  const waiting = setInterval(() => {
    const now = performance.now(), opening = document.getElementById("opening");
    if (window.gradio_config?.auth_required) return end(); // Gradio asks for the name and password
    if (!seen && document.querySelector("gradio-app .pc-header")) seen = now;
    if (seen && now - seen > LONGEST) return end();
    if (!seen && now - begin > GIVE_UP) opening.querySelector("[role=status]").textContent = opening.dataset.failed;
  }, 100);
  document.addEventListener("pc-drawn", () => setTimeout(end, 50)); // what comes with it is drawn by then
})();
