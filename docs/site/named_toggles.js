/* The theme's toggles of the menu have no name for those who hear the page: each takes that of the entry it opens. */
document.addEventListener("DOMContentLoaded", () => {
  for (const toggle of document.querySelectorAll("summary:has(> .toctree-toggle)")) {
    const entry = toggle.closest("li")?.querySelector("a");
    toggle.setAttribute("aria-label", `what stands under ${entry?.textContent.trim() ?? "this entry"}`);
  }
});
