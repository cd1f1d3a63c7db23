/* A box narrower than what it holds is reached by Tab, has a name, and shows at which edge there is more. */
const KINDS = {
  ".pst-scrollable-table-container": "table",
  ".highlight pre": "code",
  ".nboutput > .output_area": "output",
};

function mark(box, kind) {
  const hidden = box.scrollWidth - box.clientWidth;
  const scrolls = hidden > 0;
  box.classList.toggle("scrolls", scrolls);
  box.classList.toggle("more-left", scrolls && box.scrollLeft > 1);
  box.classList.toggle("more-right", scrolls && box.scrollLeft < hidden - 1);
  if (scrolls) {
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", `${kind}, scrolls sideways`);
  } else {
    for (const name of ["tabindex", "role", "aria-label"]) {
      box.removeAttribute(name);
    }
  }
}

document.addEventListener("DOMContentLoaded", () => {
  for (const [selector, kind] of Object.entries(KINDS)) {
    for (const box of document.querySelectorAll(selector)) {
      box.addEventListener("scroll", () => mark(box, kind));
      const sizes = new ResizeObserver(() => mark(box, kind));
      for (const one of [box, box.firstElementChild]) {
        if (one) sizes.observe(one);
      }
    }
  }
});
