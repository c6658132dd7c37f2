/* The tree of buildings: drag a grip, or use the arrows; nothing is sent until "Save the order", and then all of it at once. */
(() => {
  "use strict";
  const form = document.querySelector("form[data-order]");
  if (!form) return;
  let held = null;
  const lis = (list) => [...list.children].filter((one) => one.dataset.one);
  const changed = () => { form.hidden = false; };
  const clean = () => document.querySelectorAll(".es-row.over, .es-row.held").forEach((row) => row.classList.remove("over", "held"));
  const row = (li) => li.querySelector(":scope > .es-row");

  document.addEventListener("dragstart", (event) => {
    const grip = event.target.closest("[data-grip]");
    if (!grip) return;
    held = grip.closest("li");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", held.dataset.one);
    row(held).classList.add("held");
  });
  /* only among its own kind, under its own parent */
  const target = (event) => {
    const over = held && event.target.closest("li[data-one]");
    const found = over && lis(held.parentElement).find((one) => one === over || one.contains(over));
    return found && found !== held ? found : null;
  };
  document.addEventListener("dragover", (event) => {
    const over = target(event);
    if (!over) return;
    event.preventDefault();
    document.querySelectorAll(".es-row.over").forEach((one) => one.classList.remove("over"));
    row(over).classList.add("over");
  });
  document.addEventListener("drop", (event) => {
    const over = target(event);
    if (!over) return;
    event.preventDefault();
    const all = lis(held.parentElement);
    if (all.indexOf(held) < all.indexOf(over)) over.after(held); else over.before(held);
    changed();
  });
  document.addEventListener("dragend", () => { clean(); held = null; });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-up], [data-down]");
    if (!button) return;
    const li = button.closest("li");
    const all = lis(li.parentElement);
    const other = all[all.indexOf(li) + (button.hasAttribute("data-up") ? -1 : 1)];
    if (!other) return;
    if (button.hasAttribute("data-up")) other.before(li); else other.after(li);
    changed();
    button.focus();
  });
  form.addEventListener("submit", () => {
    form.elements.order.value = [...document.querySelectorAll("[data-one]")].map((one) => one.dataset.one).join(",");
  });
})();
