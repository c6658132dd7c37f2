/* Counting a drawer: notes and coins add up, the difference follows. The server decides. */
(() => {
  "use strict";
  const form = document.getElementById("close");
  if (!form) return;
  const counted = form.elements.counted;
  const expected = Number(document.getElementById("expected").dataset.fen);
  const fenOf = (text) => {
    const match = /^(\d{1,9})(?:\.(\d{0,2}))?$/.exec(text.replace(/[,，\s]/g, ""));
    return match ? Number(match[1]) * 100 + Number((match[2] || "").padEnd(2, "0")) : null;
  };
  const plain = (fen) => Math.floor(fen / 100) + "." + String(fen % 100).padStart(2, "0");
  const follow = () => {
    const fen = fenOf(counted.value);
    const out = document.getElementById("difference");
    const difference = fen === null ? 0 : fen - expected;
    out.textContent = fen === null ? "—" : (difference < 0 ? "−" : difference > 0 ? "+" : "") + plain(Math.abs(difference));
    out.classList.toggle("bad", difference !== 0);
    out.classList.toggle("good", fen !== null && difference === 0);
    form.elements.reason.required = difference !== 0 || form.elements.reason.dataset.always === "1";
  };
  if (form.elements.reason.required) form.elements.reason.dataset.always = "1";
  form.addEventListener("input", (event) => {
    if (event.target.dataset.piece) {
      const sum = [...form.querySelectorAll("[data-piece]")].reduce((total, one) => total + Number(one.dataset.piece) * (Number.parseInt(one.value, 10) || 0), 0);
      counted.value = plain(sum);
    }
    follow();
  });
  follow();
})();
