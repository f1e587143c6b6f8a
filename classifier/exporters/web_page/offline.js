// Has the page kept for the time without a network. Resolves to whether it is.
const LONGEST_WAIT = 3000; // milliseconds for a kept version to take over this tab

export async function keepOffline() {
  if (!("serviceWorker" in navigator)) return false;
  try {
    // “none”: else the list of files would come from the browser's cache, and a new version would not be seen.
    const registration = await navigator.serviceWorker.register("service-worker.js", { updateViaCache: "none" });
    if (registration.waiting && navigator.serviceWorker.controller) await openNewVersion(registration.waiting);
    await activated(registration.active || registration.installing);
  } catch {
    return false; // private windows of some browsers; the page works all the same
  }
  if (!navigator.serviceWorker.controller)
    await new Promise((give) => {
      navigator.serviceWorker.addEventListener("controllerchange", give, { once: true });
      setTimeout(give, LONGEST_WAIT);
    });
  return true;
}

// A version that was fetched during an earlier visit; nothing of this one is in use yet.
async function openNewVersion(worker) {
  worker.postMessage("take over");
  const late = new Promise((give) => setTimeout(() => give(true), LONGEST_WAIT));
  if (await Promise.race([activated(worker), late])) {
    // A busy browser: this visit goes on with the version that it has, unless the new one takes over after all.
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
    return;
  }
  location.reload();
  await new Promise(() => {});
}

function activated(worker) {
  return new Promise((give, refuse) => {
    const look = () => {
      if (worker.state === "activated") give();
      if (worker.state === "redundant") refuse(new Error("not kept"));
    };
    worker.addEventListener("statechange", look);
    look();
  });
}
