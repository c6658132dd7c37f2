/* A sale's own page: its dialogs. Each carries an id that was drawn with the page. */
(() => {
  "use strict";
  const open = (name) => {
    const dialog = document.getElementById("dialog-" + name);
    if (!dialog) return;
    dialog.showModal();
    const first = dialog.querySelector("[autofocus]");
    if (first) first.focus();
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-dialog]");
    if (!button) return;
    const field = button.dataset.set && document.getElementById(button.dataset.set);
    if (field) field.value = button.dataset.to;
    open(button.dataset.dialog);
  });
  /* when the money has arrived, this page has more to say than its progress line */
  document.body.addEventListener("arrived", () => {
    if (!document.querySelector("dialog[open]")) window.location.reload();
  });
})();
