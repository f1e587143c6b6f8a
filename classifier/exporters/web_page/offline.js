// Has the page kept for the time without a network. Resolves to whether it is.
const LONGEST_WAIT = 3000; // milliseconds for a kept page to take over this tab

export async function keepOffline() {
  if (!("serviceWorker" in navigator)) return false;
  try {
    const registration = await navigator.serviceWorker.register("service-worker.js");
    const worker = registration.active || registration.waiting || registration.installing;
    await new Promise((give, refuse) => {
      const look = () => {
        if (worker.state === "activated") give();
        if (worker.state === "redundant") refuse(new Error("not kept"));
      };
      worker.addEventListener("statechange", look);
      look();
    });
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
