/* The report on the front page is as high as what it shows. Opened as a file it may not be asked, and scrolls. */
document.addEventListener("DOMContentLoaded", () => {
  for (const frame of document.querySelectorAll("iframe.report")) {
    const fit = () => {
      const page = frame.contentDocument?.documentElement;
      if (page) frame.style.height = `${page.offsetHeight + frame.offsetHeight - frame.clientHeight}px`;
    };
    const watch = () => {
      const page = frame.contentDocument?.body;
      if (page) new ResizeObserver(fit).observe(page);
    };
    frame.addEventListener("load", watch);
    watch();
  }
});
