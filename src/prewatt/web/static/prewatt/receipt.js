/* The paper prints itself once it is there. */
(() => {
  "use strict";
  document.getElementById("print").addEventListener("click", () => window.print());
  window.addEventListener("load", () => window.print());
})();
