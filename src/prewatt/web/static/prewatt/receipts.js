/* The scanner types into the field: what stood there goes at the next scan. */
(() => {
  "use strict";
  const field = document.getElementById("code");
  field.focus();
  field.select();
})();
