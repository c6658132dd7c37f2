/* A closing's page: when a meter is at another step, there is something else to do, so the page is asked for anew. */
(() => {
  "use strict";
  const page = document.querySelector("[data-closing]");
  if (!page) return;
  const typing = () => [...page.querySelectorAll("details[open] input")].some((one) => one.type !== "hidden" && one.value);
  document.body.addEventListener("htmx:afterSwap", () => {
    const way = document.getElementById("way-of-all");
    if (way && way.dataset.states.trim() !== page.dataset.closing.trim() && !typing()) window.location.replace(window.location.pathname);
  });
})();
