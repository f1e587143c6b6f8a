// Keeps the files of this page, so that it opens without a network. A new version is fetched whole during one visit,
// takes over while no tab is loading, and is what the next visit gets: files of two versions never meet.
importScripts("files.js"); // FILES = {version, integrity: {name: hash}}; a browser looks for changes in it, too

const OURS = `classifier ${registration.scope} `;
const CACHE = OURS + FILES.version;
const PAGE = "./";
const addressOf = (name) => new URL(name, registration.scope).href;
const KEPT = new Set(Object.keys(FILES.integrity).map(addressOf));

async function keep(cache, name, integrity) {
  const response = await fetch(addressOf(name), { cache: "no-cache", integrity });
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  await cache.put(addressOf(name), response);
}

async function keepAll() {
  const cache = await caches.open(CACHE);
  // Some web servers add to the page itself, so that no hash would fit.
  await Promise.all([keep(cache, PAGE, ""), ...Object.entries(FILES.integrity).map(([name, hash]) => keep(cache, name, hash))]);
}

async function dropOthers() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(OURS) && name !== CACHE).map((name) => caches.delete(name)));
  await clients.claim();
}

async function answer(request, address) {
  const kept = await (await caches.open(CACHE)).match(address);
  return kept || fetch(request);
}

addEventListener("install", (event) => event.waitUntil(keepAll()));
addEventListener("activate", (event) => event.waitUntil(dropOthers()));
addEventListener("message", ({ data }) => data === "take over" && skipWaiting());
addEventListener("fetch", (event) => {
  const { request } = event, address = request.url.replace(/[?#].*$/, "");
  const isPage = [addressOf(PAGE), addressOf("index.html")].includes(address);
  if (request.method === "GET" && isPage) event.respondWith(answer(request, addressOf(PAGE)));
  else if (request.method === "GET" && KEPT.has(address)) event.respondWith(answer(request, address));
});
