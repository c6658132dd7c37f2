/* The account form from the keyboard: Enter goes to the next field, adds a meter, and opens at the end. The server decides. */
(() => {
  "use strict";
  const form = document.getElementById("opening");
  if (!form) return;
  const find = document.getElementById("free");
  const found = document.getElementById("frees");
  const lines = document.getElementById("lines");
  const narrow = window.matchMedia("(max-width: 991px)");
  let wanted = null; // the text for which Enter came before its answer

  const fenOf = (text) => {
    const match = /^(\d{1,9})(?:\.(\d{0,2}))?$/.exec(text.replace(/[,，\s]/g, ""));
    return match ? Number(match[1]) * 100 + Number((match[2] || "").padEnd(2, "0")) : 0;
  };
  const yuan = (fen) => `${Math.floor(fen / 100).toLocaleString("en-US")}.${String(fen % 100).padStart(2, "0")}`;
  const sum = () => {
    const fields = [...lines.querySelectorAll("[data-first]")];
    document.getElementById("total").textContent = yuan(fields.reduce((all, one) => all + fenOf(one.value), 0));
    document.getElementById("count-lines").textContent = fields.length || "";
  };

  const candidates = () => [...found.querySelectorAll(".cand")];
  const mark = (one) => {
    for (const each of candidates()) {
      each.classList.toggle("on", each === one);
      each.setAttribute("aria-selected", String(each === one));
    }
    if (one) find.setAttribute("aria-activedescendant", one.id);
    else find.removeAttribute("aria-activedescendant");
    find.setAttribute("aria-expanded", String(candidates().length > 0));
  };
  const clear = () => {
    wanted = null;
    find.value = "";
    found.replaceChildren();
    delete found.dataset.q;
    mark(null);
  };
  const add = async (one) => {
    const there = lines.querySelector(`[data-line="${CSS.escape(one.dataset.pk)}"]`);
    clear();
    if (!there) await window.htmx.ajax("GET", one.dataset.add, { target: "#lines", swap: "beforeend" });
    const field = lines.querySelector(`[data-line="${CSS.escape(one.dataset.pk)}"] [data-first]`);
    if (field) { field.focus(); field.select(); }
    sum();
  };
  find.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const all = candidates();
    const at = all.findIndex((one) => one.classList.contains("on"));
    if ((event.key === "ArrowDown" || event.key === "ArrowUp") && all.length) {
      event.preventDefault();
      mark(all[(at + (event.key === "ArrowDown" ? 1 : -1) + all.length) % all.length]);
    } else if (event.key === "Enter" && !event.ctrlKey) {
      event.preventDefault();
      const text = find.value.trim();
      if (!text) { if (lines.children.length) tender(); }
      else if (found.dataset.q === text) { if (all.length) add(all[Math.max(at, 0)]); else find.select(); }
      else wanted = text;
    } else if (event.key === "Escape") clear();
  });
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt === find) found.dataset.asked = find.value.trim();
  });
  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target === found) {
      found.dataset.q = found.dataset.asked || "";
      mark(candidates()[0]);
      if (wanted !== null && wanted === found.dataset.q && candidates().length) add(candidates()[0]);
      wanted = null;
    }
    sum();
  });
  found.addEventListener("click", (event) => {
    const one = event.target.closest(".cand");
    if (!one) return;
    event.preventDefault();
    add(one);
  });

  const tender = () => (form.querySelector("[name=tender]:checked") || form.querySelector("[name=tender]")).focus();
  const path = () => [...form.querySelectorAll("input:not([type=hidden]):not([type=checkbox]):not([type=radio]):not([disabled])")]
    .filter((one) => one.offsetParent !== null && one.id !== "who");
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || event.defaultPrevented) return;
    const field = event.target;
    if (field.tagName !== "INPUT") return;
    event.preventDefault();
    if (event.ctrlKey || event.metaKey || field.type === "radio") { form.requestSubmit(); return; }
    if (field.hasAttribute("data-first")) { find.focus(); return; }
    if (field.type === "checkbox") { field.click(); return; }
    const all = path();
    const next = all[all.indexOf(field) + 1];
    if (next) { next.focus(); next.select(); } else tender();
  });
  form.addEventListener("input", sum);
  document.addEventListener("click", (event) => {
    const off = event.target.closest("[data-take-off]");
    if (off) { off.closest("[data-line]").remove(); sum(); find.focus(); }
    if (event.target.closest("[data-known]")) {
      const known = document.getElementById("known");
      known.hidden = !known.hidden;
      if (!known.hidden) document.getElementById("who").focus();
    }
  });
  /* a field of a folded part that the browser finds wrong has to be seen */
  form.addEventListener("invalid", (event) => { const part = event.target.closest("details"); if (part) part.open = true; }, true);
  const wrong = form.querySelector("[aria-invalid]");
  if (wrong) { wrong.focus(); wrong.select(); }
  else if (!narrow.matches) { const first = form.querySelector("[autofocus]"); if (first) first.focus(); }
  sum();
})();
