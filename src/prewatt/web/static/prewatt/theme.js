/* Loaded before anything is painted: light, dark, or as the system, chosen by the user and kept in a cookie. */
(() => {
  "use strict";
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const show = () => {
    const chosen = root.dataset.themeChosen;
    root.dataset.bsTheme = chosen || (dark.matches ? "dark" : "light");
  };
  show();
  dark.addEventListener("change", () => { show(); document.dispatchEvent(new Event("prewatt:theme")); });
  window.prewattTheme = () => {
    const now = root.dataset.bsTheme === "dark" ? "light" : "dark";
    /* Back to what the system says: follow it again instead of fixing it. */
    const follows = now === (dark.matches ? "dark" : "light");
    root.dataset.themeChosen = follows ? "" : now;
    document.cookie = `prewatt_theme=${follows ? "" : now};path=/;max-age=${follows ? 0 : 31536000};samesite=lax`;
    show();
    document.dispatchEvent(new Event("prewatt:theme"));
  };
})();
