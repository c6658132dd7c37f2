/* The frame watch: pause, filter, copy, clear. Without it the frames still come. */
"use strict";
(() => {
  const ROWS_MAX = 1000;
  const list = document.getElementById("frames");
  if (!list) return;
  const unit = document.querySelector("[data-frames-unit]");
  const faults = document.querySelector("[data-frames-errors]");
  const pause = document.querySelector("[data-frames-pause]");
  const copy = document.querySelector("[data-frames-copy]");
  let paused = false;

  const flip = (button, on) => {
    button.querySelector("[data-on]").hidden = !on;
    button.querySelector("[data-off]").hidden = on;
  };
  const fits = (row) => (!unit.value || row.dataset.unit === unit.value) && (!faults.checked || row.classList.contains("err"));
  const filter = () => { for (const row of list.children) row.hidden = !fits(row); };
  const toEnd = () => { list.scrollTop = list.scrollHeight; };
  const isAtEnd = () => list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  let follow = true;

  list.addEventListener("scroll", () => { follow = isAtEnd(); });
  for (const input of [unit, faults]) input.addEventListener("input", () => { filter(); if (follow) toEnd(); });
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    flip(pause, paused);
    const look = document.getElementById("look");
    if (!paused && look && look.hasAttribute("hx-get")) htmx.trigger(look, "go-on");
  });
  copy.addEventListener("click", async () => {
    const rows = [...list.children].filter((row) => !row.hidden);
    const text = rows.map((row) => [...row.children].map((cell) => cell.textContent.trim()).join("\t")).join("\n");
    await navigator.clipboard.writeText(text);
    flip(copy, true);
    setTimeout(() => flip(copy, false), 1500);
  });
  document.querySelector("[data-frames-clear]").addEventListener("click", () => list.replaceChildren());
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    if (paused && event.target.id === "look") event.preventDefault();
  });
  new MutationObserver(() => {
    while (list.children.length > ROWS_MAX) list.firstElementChild.remove();
    filter();
    if (follow) toEnd();
  }).observe(list, { childList: true });
  toEnd();
})();
