/* Texts with fields: a button puts its field where the cursor was; a message is shown as a tenant gets it, with what it costs. */
(() => {
  "use strict";
  const areas = [...document.querySelectorAll("textarea.fld")];
  let last = areas[0];
  areas.forEach((one) => one.addEventListener("focus", () => { last = one; }));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-put]");
    if (!button || !last) return;
    last.setRangeText(button.dataset.put, last.selectionStart, last.selectionEnd, "end");
    last.focus();
    last.dispatchEvent(new Event("input", { bubbles: true }));
  });

  /* as prewatt.domain.estate.messages.size counts */
  const ONE = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
  const TWO = "^{}\\[~]|€\f";
  const size = (text) => {
    const letters = [...text];
    const seven = letters.every((one) => ONE.includes(one) || TWO.includes(one));
    const places = seven ? letters.reduce((sum, one) => sum + (TWO.includes(one) ? 2 : 1), 0) : text.length;
    const [alone, joined] = seven ? [160, 153] : [70, 67];
    return [places, places === 0 ? 0 : places <= alone ? 1 : Math.ceil(places / joined)];
  };
  const samples = Object.fromEntries([...document.querySelectorAll("[data-sample]")].map((one) => [one.dataset.name, one.dataset.sample]));
  const words = document.querySelector("[data-words-one]");
  const show = (area) => {
    const preview = document.querySelector(`[data-preview="${area.id}"]`);
    if (!preview) return;
    const text = area.value.trim().replace(/\{([^{}]*)\}/g, (whole, name) => (name in samples ? samples[name] : whole));
    const [places, parts] = size(text);
    preview.textContent = text;
    document.querySelector(`[data-size="${area.id}"]`).textContent = `${places} ${words.dataset.wordsOne} · ${(parts === 1 ? words.dataset.wordsPart : words.dataset.wordsParts).replace(/\d+/, parts)}`;
  };
  areas.forEach((one) => { one.addEventListener("input", () => show(one)); show(one); });
})();
