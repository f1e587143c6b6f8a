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

  root.classList.add("pc-opening");
  let seen = 0;
  const end = () => {
    clearInterval(waiting);
    root.classList.remove("pc-opening");
    document.getElementById("opening")?.remove();
    document.dispatchEvent(new Event("pc-opened"));
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
