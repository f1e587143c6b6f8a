// Keeps the page for the time without a network, and lets new versions of it answer.
const LONGEST_WAIT = 3000; // milliseconds for a version to begin to answer
const LOADING = `loading ${new URL("./", location)}`; // a lock: all tabs that load files of this page share it

// Runs a function that loads files of the page; no new version takes over meanwhile.
export async function whileLoading(load) {
  let isCalled = false;
  const call = () => {
    isCalled = true;
    return load();
  };
  try {
    return await navigator.locks.request(LOADING, { mode: "shared" }, call);
  } catch (error) {
    if (isCalled) throw error;
    return load(); // older browsers have no locks, and a frame in a sandbox may not use them
  }
}

// Has the files kept. Resolves to the registration that keeps them, or to nothing.
export async function keepOffline() {
  if (!("serviceWorker" in navigator)) return null;
  try {
    // “none”: else the list of files would come from the browser's cache, and a new version would not be seen.
    const registration = await navigator.serviceWorker.register("service-worker.js", { updateViaCache: "none" });
    await reached(registration.active || registration.installing, "activated");
    if (!navigator.serviceWorker.controller) await Promise.race([controlled(), late()]);
    return registration;
  } catch {
    return null; // private windows of some browsers; the page works all the same
  }
}

// Lets each version that is fetched whole answer from the next visit on. Not called while this tab loads. This visit
// goes on with what it has: to open the page anew from here would meet a person who opens it anew at that moment.
export function letNewVersionsIn(registration) {
  for (const worker of [registration.waiting, registration.installing]) if (worker) letIn(worker);
  registration.addEventListener("updatefound", () => letIn(registration.installing));
}

async function letIn(worker) {
  const takeOver = async () => {
    worker.postMessage("take over");
    await Promise.race([reached(worker, "activated"), late()]);
  };
  try {
    await reached(worker, "installed");
    await navigator.locks.request(LOADING, takeOver);
  } catch {
    // It was not fetched whole, or a newer one came, or there are no locks: then the browser decides when it takes over.
  }
}

const STATES = ["installing", "installed", "activating", "activated"];

function reached(worker, state) {
  return new Promise((give, refuse) => {
    const look = () => {
      if (worker.state === "redundant") refuse(new Error("not kept"));
      else if (STATES.indexOf(worker.state) >= STATES.indexOf(state)) give();
    };
    worker.addEventListener("statechange", look);
    look();
  });
}

function controlled() {
  return new Promise((give) => navigator.serviceWorker.addEventListener("controllerchange", give, { once: true }));
}

function late() {
  return new Promise((give) => setTimeout(give, LONGEST_WAIT));
}
