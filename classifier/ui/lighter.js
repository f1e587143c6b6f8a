// Takes work off Gradio's script while it builds the page: five changes of what Gradio reads, each by itself. Nothing of
// the page needs them: without this script, or where a change finds nothing to change, the page is the same and opens
// later. opening.py sends it with the versions of Gradio that it was made for, and a test opens the page without it.
(() => {
  const { components = [], dependencies: events = [], page = {} } = window.gradio_config ?? {};
  const isOf = (kind, one) => Object.setPrototypeOf(one, kind.prototype);
  const change = (one) => {
    try {
      one();
    } catch {} // another description than that of the versions it was made for
  };

  // Gradio has its whole description of the page watched for changes, which takes a third of a second. The lists of
  // components and events, and the layout, never change here; only objects of the plain classes are watched.
  change(() => {
    for (const list of [components, events]) isOf(class extends Array {}, list);
    for (const { layout } of Object.values(page)) isOf(class {}, layout);
  });

  // For what an event that follows another is about, which is none, Gradio looks through all components, twice.
  change(() => {
    for (const one of events) one.targets = one.targets.filter(([component]) => component !== null);
  });

  // At the end of each event Gradio gives a new state of loading to all of its inputs, although only streams show one.
  // It adds the inputs to the list of what shows that the event runs, which stays as it is here where it is empty.
  change(() => {
    class Nothing extends Array {
      concat() {
        return this;
      }
    }
    for (const { show_progress_on: shown } of events) if (shown?.length === 0) isOf(Nothing, shown);
  });

  // A state has no value here: Gradio answers null for each, and takes the first null for a change, which other events
  // wait for. A change that the server tells of is told to them all the same.
  change(() => {
    for (const one of components) if (one.type === "state") one.props.value = null;
  });

  // Gradio's own sign, which the opening covers, counts its seconds in every frame, and goes on when it is gone. Who asks
  // for a frame in one of its frames is the sign; it gets none once the page is open.
  change(() => {
    const ask = window.requestAnimationFrame.bind(window);
    let isOver = false, inSign = false;
    document.addEventListener("pc-opened", () => (isOver = true));
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
  });
})();
