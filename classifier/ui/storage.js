// Gradio tells its own words in the language of the browser, and names it as that of the page.
Object.defineProperty(navigator, "language", { value: document.documentElement.lang });
Object.defineProperty(navigator, "languages", { value: [document.documentElement.lang] });
// A browser that gives a frame of another site no storage throws where it is read, and Gradio stops at “Loading”. What
// the page keeps then lasts as long as the page. Runs before all other scripts.
for (const name of ["localStorage", "sessionStorage"]) {
  try {
    window[name].getItem("");
  } catch {
    const kept = new Map();
    const value = {
      get length() {
        return kept.size;
      },
      key: (index) => [...kept.keys()][index] ?? null,
      getItem: (key) => kept.get(String(key)) ?? null,
      setItem: (key, text) => void kept.set(String(key), String(text)),
      removeItem: (key) => void kept.delete(String(key)),
      clear: () => kept.clear(),
    };
    Object.defineProperty(window, name, { value, configurable: true });
  }
}
