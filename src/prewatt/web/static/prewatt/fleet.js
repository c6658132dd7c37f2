/* The fleet's selection: ticked meters, or all of a filter but some. It outlives turning pages, and goes to the server as it is meant. */
(() => {
  "use strict";
  const KEY = "prewatt.fleet";
  const $ = (selector, from = document) => from.querySelector(selector);
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const place = $("[data-fleet]");
  if (!place) return;
  const filter = place.dataset.filter;

  const empty = () => ({ all: false, filter: "", ids: new Set(), but: new Set() });
  const read = () => {
    try {
      const kept = JSON.parse(sessionStorage.getItem(KEY));
      return { all: kept.all, filter: kept.filter, ids: new Set(kept.ids), but: new Set(kept.but) };
    } catch { return empty(); }
  };
  let chosen = read();
  if (chosen.all && chosen.filter !== filter) chosen = empty();
  const total = () => Number(place.dataset.total);
  const number = () => (chosen.all ? Math.max(0, total() - chosen.but.size) : chosen.ids.size);
  const has = (id) => (chosen.all ? !chosen.but.has(id) : chosen.ids.has(id));
  const put = (id, on) => {
    const set = chosen.all ? chosen.but : chosen.ids;
    if (on === chosen.all) set.delete(id); else set.add(id);
  };
  const boxes = () => all("[data-pick]");

  const show = () => {
    sessionStorage.setItem(KEY, JSON.stringify({ all: chosen.all, filter: chosen.filter, ids: [...chosen.ids], but: [...chosen.but] }));
    boxes().forEach((box) => { box.checked = has(box.value); box.closest("tr").classList.toggle("on", box.checked); });
    const page = $("[data-pick-page]");
    if (page) {
      const on = boxes().filter((box) => box.checked).length;
      page.checked = on > 0 && on === boxes().length;
      page.indeterminate = on > 0 && on < boxes().length;
    }
    const bar = $("[data-selection]");
    if (!bar) return;
    bar.hidden = number() === 0;
    $("[data-number]", bar).textContent = number().toLocaleString("en-US");
    $("[data-all]", bar).hidden = chosen.all || total() <= chosen.ids.size;
    const form = $("#picked");
    form.elements.ids.value = chosen.all ? "" : [...chosen.ids].join(",");
    form.elements.all.value = chosen.all ? "1" : "";
    form.elements.but.value = [...chosen.but].join(",");
    form.elements.filter.value = chosen.all ? chosen.filter : "";
  };

  let last = null;
  document.addEventListener("click", (event) => {
    const box = event.target.closest("[data-pick]");
    if (box) {
      const rows = boxes();
      const from = rows.indexOf(last), to = rows.indexOf(box);
      const some = event.shiftKey && from >= 0 ? rows.slice(Math.min(from, to), Math.max(from, to) + 1) : [box];
      some.forEach((one) => put(one.value, box.checked));
      last = box;
      show();
      return;
    }
    if (event.target.closest("[data-pick-page]")) {
      const on = event.target.checked;
      boxes().forEach((one) => put(one.value, on));
      show();
      return;
    }
    if (event.target.closest("[data-all]")) { chosen = { all: true, filter, ids: new Set(), but: new Set() }; show(); return; }
    if (event.target.closest("[data-none]")) { chosen = empty(); show(); }
  });
  /* a batch was placed: what was chosen has been dealt with */
  document.addEventListener("fleet-sent", () => { chosen = empty(); show(); });

  /* rows are renewed in place: the tick, the focus and the place of the keyboard stay */
  let focused = "";
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.target.id !== "fleet-rows") return;
    const row = document.activeElement && document.activeElement.closest("#fleet-rows tr");
    focused = row ? `[data-meter="${row.dataset.meter}"] ${document.activeElement.matches("[data-pick]") ? "[data-pick]" : "a"}` : "";
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id !== "fleet-rows") return;
    show();
    const before = focused && $(`#fleet-rows ${focused}`);
    if (before) before.focus({ preventScroll: true });
  });
  show();
})();
