/* The tenant's phone: theme, parts that follow by themselves, forms that are sent once, and the shell's worker. */
(() => {
  "use strict";
  const each = (selector, call, root = document) => root.querySelectorAll(selector).forEach(call);

  /* Inside WeChat its own script asks for the money; what became of it, the page hears from here. */
  const bridge = (button) => {
    const ask = () => window.WeixinJSBridge.invoke("getBrandWCPayRequest", JSON.parse(button.dataset.bridge), () => undefined);
    if (window.WeixinJSBridge) ask(); else document.addEventListener("WeixinJSBridgeReady", ask, { once: true });
  };

  document.addEventListener("click", (event) => {
    const open = document.querySelector("details.pick[open]");
    if (open && !open.contains(event.target)) open.open = false;
    if (event.target.closest("[data-theme-toggle]")) window.prewattTheme();
    if (event.target.closest("[data-print]")) window.print();
    if (event.target.closest("[data-bridge]")) bridge(event.target.closest("[data-bridge]"));
  });

  /* A part asks for itself again: data-poll is its address, data-every its seconds. It ends when it comes without. */
  const away = document.querySelector(".away");
  const follow = (part) => {
    const again = () => setTimeout(() => look(part), Number(part.dataset.every || 5) * 1000);
    const look = async () => {
      if (document.hidden) return again();
      try {
        const answer = await fetch(part.dataset.poll, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
        if (answer.status === 401) return location.assign(answer.headers.get("HX-Redirect") || "/my/");
        if (!answer.ok) return again();
        const drawn = new DOMParser().parseFromString(await answer.text(), "text/html").body.firstElementChild;
        if (away) away.hidden = true;
        if (drawn) { part.replaceWith(drawn); wake(drawn); }
      } catch { if (away) away.hidden = false; again(); }
    };
    again();
  };
  const wake = (root) => {
    if (root.matches && root.matches("[data-poll]")) follow(root);
    each("[data-poll]", follow, root);
    /* Coming back from there must not lead there again. */
    if (root.querySelector("[data-leave]")) history.replaceState(null, "", location.pathname);
    each("form[data-leave]", (form) => form.submit(), root);
    each("a[data-leave]", (link) => location.assign(link.href), root);
    each("[data-bridge][data-leave]", bridge, root);
    if (root.matches && root.matches("[data-go]")) location.assign(root.dataset.go);
  };
  wake(document);

  /* Sent once: a second tap while the first is on its way does nothing. */
  document.addEventListener("submit", (event) => {
    if (event.target.dataset.sent) return event.preventDefault();
    event.target.dataset.sent = "1";
    return undefined;
  });
  window.addEventListener("pageshow", () => each("form[data-sent]", (form) => { delete form.dataset.sent; }));

  /* The amount: a choice or a figure of one's own. */
  each("[data-own]", (field) => field.addEventListener("focus", () => {
    const other = document.getElementById(field.dataset.own);
    if (other) other.checked = true;
  }));

  const worker = document.body.dataset.worker;
  if (worker && "serviceWorker" in navigator) navigator.serviceWorker.register(worker).catch(() => undefined);
})();
