/* What every page does: keys, menu, dialog, printing, and saying when the server is not there. No inline handlers anywhere. */
(() => {
  "use strict";
  const $ = (selector, from = document) => from.querySelector(selector);
  const typing = (event) => /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) || event.target.isContentEditable;

  /* the room one is in stands in sight, however long the list of rooms is */
  const here = $('.nav-l [aria-current="page"]');
  if (here) here.scrollIntoView({ block: "nearest" });

  /* keys: / finds, F2 sells, Alt 1..8 goes */
  document.addEventListener("keydown", (event) => {
    if (event.altKey && !event.ctrlKey && !event.metaKey && /^Digit[1-8]$/.test(event.code)) {
      const link = $(`a[data-alt="${event.code.slice(5)}"]`);
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    if (event.key === "F2") {
      const link = $('a[data-alt="3"]');
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    if (event.key === "/" && !typing(event)) {
      const field = $("[data-find]") || $("[data-search]");
      if (field) { event.preventDefault(); field.focus(); field.select(); }
      return;
    }
    if (event.key === "Escape") {
      const menu = $(".side.open");
      if (menu) { toggleMenu(false); return; }
      const open = $("details.who[open], details.menu[open]");
      if (open) { open.open = false; return; }
      const close = !typing(event) && $("[data-close]");
      if (close && !$("dialog[open]")) close.click();
    }
  });

  const toggleMenu = (open) => {
    const side = $("#side");
    const shown = side.classList.toggle("open", open);
    $("[data-menu]").setAttribute("aria-expanded", String(shown));
    if (shown) $("a", side).focus();
  };
  document.addEventListener("click", (event) => {
    const hit = (selector) => event.target.closest(selector);
    if (hit("[data-menu]")) { toggleMenu(); return; }
    if (hit("[data-print]")) { window.print(); return; }
    if (hit("[data-theme-toggle]")) { window.prewattTheme(); return; }
    if (hit("[data-dismiss]")) { const dialog = hit("dialog"); if (dialog) dialog.close(); return; }
    if ($(".side.open") && !hit("#side")) toggleMenu(false);
    document.querySelectorAll("details.who[open], details.menu[open]").forEach((one) => { if (!one.contains(event.target)) one.open = false; });
    const fill = hit("[data-fill]");
    if (fill) {
      const field = document.getElementById(fill.dataset.fill);
      if (field) { field.value = fill.dataset.value; field.focus(); field.dispatchEvent(new Event("input", { bubbles: true })); }
    }
  });
  /* a choice in a filter takes effect at once */
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-auto]");
    if (form) form.requestSubmit();
  });
  /* the same form is not sent twice by one hand; the server would find the first one anyway */
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.hasAttribute("hx-post")) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    const paper = form.target === "_blank" && form.action.endsWith("/print/");
    setTimeout(() => { delete form.dataset.sent; if (paper) form.elements.form_id.value = newId(); }, paper ? 1500 : 4000);
  });
  /* a receipt's button stays where it is: the next press is another print, counted as a reprint, under an id of its own */
  const newId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");

  /* a dialog that came with an answer opens itself */
  const openDialogs = (from) => from.querySelectorAll("dialog[data-open]:not([open])").forEach((dialog) => {
    dialog.showModal();
    const first = $("[autofocus]", dialog);
    if (first) first.focus();
  });
  document.addEventListener("close", (event) => {
    if (event.target.matches && event.target.matches("dialog[data-open]")) event.target.remove();
  }, true);

  /* the room whose card is open keeps its frame, whatever is swapped */
  const frameSelected = () => {
    const card = $("[data-card]");
    const selected = card ? card.dataset.card : "";
    document.querySelectorAll(".tile.sel").forEach((tile) => { if (tile.dataset.meter !== selected) tile.classList.remove("sel"); });
    if (selected) document.querySelectorAll(`.tile[data-meter="${CSS.escape(selected)}"]`).forEach((tile) => tile.classList.add("sel"));
  };

  /* the session ended while somebody types: a page that only refreshes itself does not take it from him */
  const typed = () => [...document.forms].some((form) => form.method === "post" && !form.hasAttribute("hx-post")
    && [...form.elements].some((one) => (/^(text|search|tel|number|password|date)$/.test(one.type) || one.tagName === "TEXTAREA") && one.value !== one.defaultValue));
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    if (event.detail.xhr.status !== 401 || !typed()) return;
    event.preventDefault();
    document.querySelectorAll(".signed-out").forEach((bar) => { bar.hidden = false; });
  });
  const cut = (away) => document.querySelectorAll(".cut-off").forEach((bar) => { bar.hidden = !away; });
  document.addEventListener("htmx:sendError", () => cut(true));
  document.addEventListener("htmx:timeout", () => cut(true));
  document.addEventListener("htmx:responseError", (event) => { if (event.detail.xhr.status >= 500) cut(true); });
  document.addEventListener("htmx:afterOnLoad", () => cut(false));
  document.addEventListener("htmx:afterSettle", (event) => { openDialogs(event.target.ownerDocument.body); frameSelected(); });
  document.addEventListener("htmx:oobAfterSwap", frameSelected);
  document.addEventListener("DOMContentLoaded", () => { openDialogs(document); frameSelected(); });

  /* a tile: beside the tower where there is room for a card, else a page of its own; arrows walk the floors */
  const beside = window.matchMedia("(min-width: 992px)");
  document.addEventListener("click", (event) => {
    const tile = event.target.closest(".tile");
    if (!tile || !beside.matches || event.ctrlKey || event.metaKey || event.shiftKey || !window.htmx) return;
    event.preventDefault();
    window.htmx.ajax("GET", `${tile.getAttribute("href")}card/`, { target: "#card", swap: "innerHTML" });
    const address = new URL(window.location.href);
    address.searchParams.set("meter", tile.dataset.meter);
    window.history.replaceState(null, "", address);
  });
  document.addEventListener("keydown", (event) => {
    const tile = event.target.closest && event.target.closest(".tile");
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: 0, ArrowDown: 0 };
    if (!tile || !(event.key in steps)) return;
    event.preventDefault();
    const floor = tile.closest(".fl");
    const tiles = [...floor.querySelectorAll(".tile")];
    const at = tiles.indexOf(tile);
    if (steps[event.key]) { const next = tiles[at + steps[event.key]]; if (next) next.focus(); return; }
    const other = event.key === "ArrowUp" ? floor.previousElementSibling : floor.nextElementSibling;
    const there = other ? [...other.querySelectorAll(".tile")] : [];
    if (there.length) there[Math.min(at, there.length - 1)].focus();
  });

  /* leave the open card */
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-close]")) return;
    const card = $("[data-card]");
    if (!card || !$(".tower")) return;
    event.preventDefault();
    const address = new URL(window.location.href);
    address.searchParams.delete("meter");
    window.history.replaceState(null, "", address);
    card.closest("#card").replaceChildren();
    document.body.classList.remove("has-card");
    frameSelected();
  });
})();
