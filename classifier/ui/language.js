// Keeps the language that is chosen in a cookie, and loads the page again in it.
const list = element.querySelector("select");
list.addEventListener("change", () => {
  // In the frame of another website, as on a Space, a browser keeps no other cookies.
  const kept = location.protocol === "https:" ? "Secure; SameSite=None; Partitioned" : "SameSite=Lax";
  document.cookie = `language=${list.value}; Path=/; Max-Age=31536000; ${kept}`;
  location.reload();
});
