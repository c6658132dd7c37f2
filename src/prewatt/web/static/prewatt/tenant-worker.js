/* Keeps the shell alone: style, scripts, icons and the page that says there is no network. Nobody's data is kept. */
"use strict";
const SHELL = "shell-1";
const KEPT = [
  "/my/offline/", "/static/prewatt/tokens.css", "/static/prewatt/tenant.css", "/static/prewatt/theme.js",
  "/static/prewatt/tenant.js", "/static/prewatt/logo.svg",
];
self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(SHELL).then((shell) => shell.addAll(KEPT)).then(() => self.skipWaiting()));
});
self.addEventListener("activate", (event) => {
  const drop = (names) => Promise.all(names.filter((name) => name !== SHELL).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(drop).then(() => self.clients.claim()));
});
self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  if (event.request.mode === "navigate") {
    event.respondWith(fetch(event.request).catch(() => caches.match("/my/offline/")));
  } else if (KEPT.includes(url.pathname) && url.pathname.startsWith("/static/")) {
    /* From the network first: a new version shows at once. */
    event.respondWith(fetch(event.request).catch(() => caches.match(event.request)));
  }
});
