/* The terminal: keys on the screen, and back to the beginning when nobody touches it. */
(() => {
  "use strict";
  const idle = Number(document.body.dataset.idle || 60);
  const leave = document.getElementById("leave");
  const said = document.querySelector("[data-left]");
  let until = Date.now() + idle * 1000;
  const touched = () => { until = Date.now() + idle * 1000; };
  ["pointerdown", "keydown", "input"].forEach((name) => document.addEventListener(name, touched, true));
  const back = () => { if (leave) leave.submit(); else location.assign("/kiosk/"); };
  setInterval(() => {
    const left = Math.ceil((until - Date.now()) / 1000);
    if (said) said.textContent = left <= 20 ? String(Math.max(0, left)) : "";
    if (left <= 0) { touched(); back(); }
  }, 500);
  /* A page that comes back out of the browser's memory would show what is over. */
  window.addEventListener("pageshow", (event) => { if (event.persisted) back(); });
  document.addEventListener("contextmenu", (event) => event.preventDefault());

  const fields = [...document.querySelectorAll(".fld")];
  let field = document.activeElement && fields.includes(document.activeElement) ? document.activeElement : fields[0];
  let small = false;
  /* An amount of one's own: the keys come with it. */
  const own = document.getElementById("own-r");
  if (own) own.addEventListener("change", () => document.getElementById("own").focus());
  fields.forEach((one) => one.addEventListener("focus", () => { field = one; }));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button || !field) return;
    if (button.dataset.key !== undefined) {
      const key = small ? button.dataset.key.toLowerCase() : button.dataset.key;
      if (field.value.length < field.maxLength) field.value += key;
    } else if (button.dataset.back !== undefined) field.value = field.value.slice(0, -1);
    else if (button.dataset.next !== undefined) field = fields[(fields.indexOf(field) + 1) % fields.length];
    else if (button.dataset.case !== undefined) {
      small = !small;
      document.querySelectorAll(".abc [data-key]").forEach((one) => {
        one.textContent = small ? one.dataset.key.toLowerCase() : one.dataset.key;
      });
    } else return;
    field.focus();
  });
})();
