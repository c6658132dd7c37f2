/* The sale page from the keyboard: find, Enter, amount, Enter. Amounts are counted in whole fen; the server decides. */
(() => {
  "use strict";
  const page = document.getElementById("sale");
  if (!page) return;
  const field = document.getElementById("find");
  const found = document.getElementById("found");
  const chosen = document.getElementById("tenant");
  const narrow = window.matchMedia("(max-width: 991px)");
  const PATIENCE_MS = 3000;
  const SETTLED_MS = 150;
  let wanted = null; // the text for which Enter came before its answer
  let typed = null; // what is typed between Enter and the tenant's card: it belongs to the amount, not to the field

  const fenOf = (text) => {
    const clean = text.replace(/[,，\s]/g, "").replace(/[。．]/g, ".");
    const match = /^(\d{1,9})(?:\.(\d{0,2}))?$/.exec(clean);
    return match ? Number(match[1]) * 100 + Number((match[2] || "").padEnd(2, "0")) : null;
  };
  const yuan = (fen) => {
    const whole = Math.floor(Math.abs(fen) / 100).toLocaleString("en-US");
    return (fen < 0 ? "−" : "") + whole + "." + String(Math.abs(fen) % 100).padStart(2, "0");
  };

  // --- finding ---------------------------------------------------------------------------------------------------------
  const candidates = () => [...found.querySelectorAll(".cand")];
  const mark = (one) => {
    for (const each of candidates()) {
      each.classList.toggle("on", each === one);
      each.setAttribute("aria-selected", String(each === one));
    }
    if (one) {
      field.setAttribute("aria-activedescendant", one.id);
      one.scrollIntoView({ block: "nearest" });
    } else field.removeAttribute("aria-activedescendant");
  };
  const move = (step) => {
    const all = candidates();
    if (!all.length) return;
    const at = all.findIndex((one) => one.classList.contains("on"));
    mark(all[(at + step + all.length) % all.length]);
  };
  const pick = (one) => {
    wanted = null;
    typed = typed || "";
    htmx.ajax("GET", one.getAttribute("hx-get"), { target: "#tenant", swap: "innerHTML" });
  };
  const clear = () => {
    wanted = null;
    field.value = "";
    found.replaceChildren();
    found.dataset.q = ""; // the same words for the next one are a new question
    counted();
  };
  const counted = () => {
    const list = found.firstElementChild;
    document.getElementById("found-count").textContent = list ? list.dataset.count || "" : "";
    field.setAttribute("aria-expanded", String(candidates().length > 0));
  };
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter") {
      event.preventDefault();
      const text = field.value.trim();
      const on = found.querySelector(".cand.on");
      if (found.dataset.q === text) {
        if (on) pick(on);
        else field.select(); // nobody fits: the next key begins anew
      } else if (text) {
        wanted = text; // its answer is on the way
        typed = "";
        setTimeout(() => {
          if (wanted === text) typed = wanted = null; // it never came: the keys are the field's again
        }, PATIENCE_MS);
      }
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (!field.value) forget();
      clear();
    }
  });
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt === field) found.dataset.asked = field.value.trim();
  });
  page.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target === found) {
      found.dataset.q = found.dataset.asked || "";
      counted();
      mark(candidates()[0]);
      if (wanted !== null && wanted === found.dataset.q && candidates().length) pick(candidates()[0]);
      else if (wanted !== null) typed = null;
      wanted = null;
    }
    if (event.detail.target === chosen) opened();
  });

  document.addEventListener(
    "keydown",
    (event) => {
      if (typed === null || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Escape") typed = null;
      else if (/^[0-9.,]$/.test(event.key)) typed += event.key;
      else if (event.key === "Backspace") typed = typed.slice(0, -1);
      else if (event.key !== "Enter") return;
      if (event.key === "Escape") return;
      event.preventDefault();
      event.stopPropagation();
    },
    true,
  );
  for (const failed of ["htmx:sendError", "htmx:responseError", "htmx:timeout"])
    document.body.addEventListener(failed, () => {
      typed = wanted = null;
    });

  // --- amount and method -----------------------------------------------------------------------------------------------
  const form = () => document.getElementById("pay");
  const opened = () => {
    const amount = document.getElementById("amount");
    if (!amount) typed = null;
    if (!amount) return;
    foretold = null; // a card drawn anew says nothing yet
    found.replaceChildren();
    counted();
    if (typed) amount.value = typed;
    follow();
    amount.focus();
    if (!typed) amount.select();
    typed = null;
  };
  const forget = () => {
    if (form() || chosen.querySelector(".tenant")) {
      const idle = document.getElementById("idle");
      chosen.replaceChildren(idle ? idle.content.cloneNode(true) : "");
    }
  };
  const lines = () => (form() ? [...form().querySelectorAll("[data-line]")] : []);
  let at = null; // the amount that was typed into last: quick amounts go there
  const amountField = () => (at && at.isConnected ? at : document.getElementById("amount"));
  const lit = (fen) => {
    for (const button of form().querySelectorAll(".qk [data-amount]"))
      button.classList.toggle("on", fen !== null && fenOf(button.dataset.amount) === fen);
  };
  /* several meters: what each holds afterwards, and what is to be paid for all of them */
  const followLines = () => {
    let sum = 0;
    let count = 0;
    for (const field of lines()) {
      const fen = fenOf(field.value);
      const after = Number(field.dataset.balanceFen) + Number(field.dataset.arrivingFen) + (fen || 0);
      field.closest(".ml").querySelector("[data-after]").textContent = fen && field.dataset.known ? "→ " + yuan(after) : "";
      field.closest(".ml").classList.toggle("on", Boolean(fen));
      sum += fen || 0;
      count += fen ? 1 : 0;
    }
    const total = document.getElementById("sum");
    total.hidden = false;
    total.querySelector("b").textContent = yuan(sum);
    document.getElementById("sum-of").textContent = count ? "· " + count + "/" + lines().length : "";
    document.getElementById("take-what").textContent = sum ? yuan(sum) : "";
    for (const one of form().querySelectorAll(".aft .one, #lasts")) one.hidden = true;
    lit(fenOf(amountField().value));
  };
  /* how long it will last is told by the server, which tells the same on the meter's card and in every list */
  let foretold = null;
  const foretell = (address, fen) => {
    const asked = address + "?fen=" + fen;
    if (foretold === asked) return;
    foretold = asked;
    setTimeout(async () => {
      if (foretold !== asked) return; // somebody goes on typing
      const answer = await fetch(asked, { headers: { "HX-Request": "true" } }).catch(() => null);
      const words = answer && answer.ok ? await answer.text() : "";
      const place = document.getElementById("lasts");
      if (foretold !== asked || !place) return;
      place.textContent = words;
      place.hidden = !words;
    }, SETTLED_MS);
  };
  const follow = () => {
    const pay = form();
    if (!pay) return;
    if (lines().length) {
      followLines();
      return;
    }
    const fen = fenOf(pay.elements.amount.value);
    const data = pay.dataset;
    const after = Number(data.balanceFen) + Number(data.arrivingFen) + (fen || 0);
    document.getElementById("after").textContent = data.known ? yuan(after) : "—";
    foretell(data.lastsAt, fen || 0);
    document.getElementById("take-what").textContent = fen ? yuan(fen) : "";
    lit(fen);
  };
  page.addEventListener("input", (event) => {
    if (event.target.id === "amount" || event.target.matches("[data-line]")) follow();
  });
  page.addEventListener("focusin", (event) => {
    if (!event.target.matches("[data-line]")) return;
    at = event.target;
    event.target.select();
    follow();
  });
  page.addEventListener("keydown", (event) => {
    if (!event.target.matches("[data-line]") || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) return;
    const next = lines()[lines().indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1)];
    event.preventDefault();
    if (next) next.focus();
  });
  page.addEventListener("click", (event) => {
    const button = event.target.closest("[data-amount]");
    const into = button && button.dataset.into && form() && form().elements[button.dataset.into];
    const amount = into || amountField();
    if (!button || !amount) return;
    amount.value = button.dataset.amount;
    follow();
    amount.focus();
    if (narrow.matches) amount.blur();
  });
  const nextMethod = () => {
    const all = form() ? [...form().querySelectorAll("[name=tender]")] : [];
    const at = all.findIndex((one) => one.checked);
    if (all.length) all[(at + 1) % all.length].checked = true;
  };

  window.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "F2") return;
      event.preventDefault();
      event.stopImmediatePropagation(); // elsewhere it opens this page; here it only goes to the field
      field.focus();
      field.select();
    },
    true,
  );

  // --- the whole page --------------------------------------------------------------------------------------------------
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "F4") {
      event.preventDefault();
      nextMethod();
    } else if (event.key === "F8") {
      const print = document.querySelector("#progress [data-print-last], #progress form[target] button");
      if (!print) return;
      event.preventDefault();
      print.click();
    } else if (event.key === "Enter" && event.target.name === "tender") {
      event.preventDefault();
      form().requestSubmit();
    } else if (event.key === "Escape" && event.target !== field && !document.querySelector("dialog[open]")) {
      forget();
      clear();
      field.focus();
    }
  });
  document.body.addEventListener("sold", () => {
    clear();
    if (!narrow.matches) field.focus();
    else page.scrollIntoView({ block: "start" });
  });
  // --- what was typed outlives a lost session and a lost answer --------------------------------------------------------
  /* The form's own ids are kept with it: sent again, it finds what was booked. Only for the same person, in this tab. */
  const KEPT = "prewatt-sale";
  const keep = () => {
    const pay = form();
    if (!pay) return;
    const meter = chosen.querySelector(".tenant").dataset.tenant;
    const values = [...new FormData(pay)].filter(([name]) => name !== "csrfmiddlewaretoken");
    sessionStorage.setItem(KEPT, JSON.stringify({ who: page.dataset.who, meter, values, at: Date.now() }));
  };
  const forgetKept = () => sessionStorage.removeItem(KEPT);
  const kept = () => {
    try {
      return JSON.parse(sessionStorage.getItem(KEPT) || "null");
    } catch {
      return null;
    }
  };
  const bringBack = () => {
    const one = kept();
    forgetKept();
    const booked = document.getElementById("progress");
    const ids = one ? one.values.filter(([name]) => /^(sale_id|payment_id)/.test(name)).map(([, value]) => value) : [];
    if (!one || one.who !== page.dataset.who || Date.now() - one.at > 3600000) return;
    if (booked && ids.includes(booked.dataset.form)) return; // it was booked after all: there it is
    htmx.ajax("GET", page.dataset.tenantAt.replace("/0/", "/" + one.meter + "/"), { target: "#tenant", swap: "innerHTML" }).then(() => {
      const pay = form();
      if (!pay) return;
      for (const [name, value] of one.values) {
        const element = pay.elements[name];
        if (element instanceof RadioNodeList && name === "tender") element.value = value;
        else if (element && !(element instanceof RadioNodeList)) element.value = value;
      }
      document.getElementById("brought-back").hidden = false;
      follow();
    });
  };
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt === form()) keep();
  });
  document.body.addEventListener("htmx:beforeOnLoad", (event) => {
    if (event.detail.xhr.status === 401) keep(); // somebody or something ended the session: the log-in comes now
    else if (event.detail.elt.id === "pay") forgetKept();
  });

  counted();
  found.dataset.q = found.childElementCount ? field.value.trim() : "";
  const drawn = chosen.querySelector(".tenant"); // an address that names the meter draws its card empty
  if (!form() || (kept() && drawn && kept().meter === drawn.dataset.tenant)) bringBack();
  if (form()) opened();
  else if (field.value.trim() && candidates().length) mark(candidates()[0]);

  // What a quick hand typed before this script was there was heard by nobody: ask for it now.
  window.addEventListener("load", () => {
    if (!field.value.trim() || found.childElementCount) return;
    htmx.ajax("GET", field.getAttribute("hx-get"), { source: field, target: "#found", swap: "innerHTML" });
  });
})();
