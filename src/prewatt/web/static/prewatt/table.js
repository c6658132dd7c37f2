/* Register pages: a chosen set of columns travels as one short word in the address. Works without this file, too. */
(() => {
  "use strict";
  /* all rows on one page: the paper is what it was opened for */
  if (document.querySelector("[data-print-now]")) window.addEventListener("load", () => window.print());
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-cols]");
    if (!form) return;
    const boxes = [...form.querySelectorAll("[name=cols]")];
    const word = document.createElement("input");
    word.type = "hidden";
    word.name = "cols";
    word.value = boxes.filter((box) => box.checked).map((box) => box.value).join(",");
    boxes.forEach((box) => box.removeAttribute("name"));
    form.append(word);
  });
})();
