/* A form that was sent when the session had ended: its fields stand in it again. Nothing is sent from here. */
(() => {
  "use strict";
  const given = document.getElementById("kept");
  if (!given) return;
  const kept = JSON.parse(given.textContent);
  const values = new Map();
  for (const [name, value] of kept.fields) values.set(name, [...(values.get(name) || []), value]);
  const elements = (form) => [...form.elements].filter((one) => one.name && one.name !== "csrfmiddlewaretoken" && one.type !== "file" && one.type !== "password");
  const ours = (form) => form.method === "post" && new URL(form.action, window.location.href).pathname === kept.action;
  /* several forms may lead to the same address: the one that says the same of itself is meant */
  const alike = (form) => elements(form).filter((one) => values.has(one.name) && (one.type !== "hidden" || values.get(one.name).includes(one.value))).length;
  const form = [...document.forms].filter(ours).sort((one, other) => alike(other) - alike(one))[0];

  const put = (one, left) => {
    if (one.type === "checkbox" || one.type === "radio") {
      const before = one.checked;
      one.checked = left.includes(one.value);
      return one.checked !== before && one.checked;
    }
    if (!left.length || one.type === "submit") return false;
    if (one.tagName === "SELECT" && ![...one.options].some((each) => each.value === left[0])) return false;
    const before = one.value;
    one.value = left.shift();
    return one.type !== "hidden" && one.value !== before;
  };
  const rest = new Map([...values].map(([name, all]) => [name, [...all]]));
  if (form) {
    const changed = elements(form).filter((one) => put(one, rest.get(one.name) || []));
    for (const one of elements(form)) if (one.type === "checkbox" || one.type === "radio" || one.type === "hidden") rest.delete(one.name);
    for (const fold of form.querySelectorAll("details")) if (changed.some((one) => fold.contains(one))) fold.open = true;
    const dialog = form.closest("dialog");
    if (dialog && !dialog.open) dialog.showModal();
    for (const one of changed) {
      one.dispatchEvent(new Event("input", { bubbles: true }));
      one.dispatchEvent(new Event("change", { bubbles: true }));
    }
    if (changed.length) changed[0].focus();
  }
  const lost = [...rest].filter(([name]) => !/(^|_)id$/.test(name)).flatMap(([, all]) => all).filter((text) => text.trim() !== "");
  if (!lost.length) return;
  const line = document.getElementById("kept-rest");
  line.hidden = false;
  line.querySelector("b").textContent = lost.join(" · ");
})();
