// Examples for other programs: they name the address under which this page was opened, and can be copied.
const address = (location.origin + location.pathname).replace(/\/+$/, "");

const fill = () => {
  for (const place of element.querySelectorAll("[data-address]")) place.textContent = address;
};
async function copy(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch {
    // In a frame of another website, or without TLS, the browser only copies what is selected.
    getSelection().selectAllChildren(code);
    document.execCommand("copy");
  }
}
element.addEventListener("click", async (event) => {
  const button = event.target.closest(".pc-copy");
  if (!button) return;
  const words = button.textContent;
  await copy(button.closest("section").querySelector("code"));
  button.textContent = say("copied");
  setTimeout(() => (button.textContent = words), 2000);
});
watch("value", fill);
fill();
