"use strict";
(() => {
  const form = document.getElementById("hosts-filter");
  const body = document.getElementById("hosts-rows");
  if (!form || !body) return;
  const find = document.getElementById("hosts-find");
  const count = document.getElementById("hosts-count");
  const rows = Array.from(body.querySelectorAll("tr[data-state]"));
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const apply = () => {
    const words = find.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const states = new Set();
    for (const box of form.querySelectorAll("input[name=state]")) if (box.checked) states.add(box.value);
    let shown = 0;
    rows.forEach((row, at) => {
      const hit = states.has(row.dataset.state) && words.every((word) => texts[at].includes(word));
      if (row.hidden === hit) row.hidden = !hit;
      if (hit) shown += 1;
    });
    count.textContent = shown.toLocaleString("en") + " of " + rows.length.toLocaleString("en");
  };
  let waiting = 0;
  form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(apply, 120); });
  form.addEventListener("submit", (event) => event.preventDefault());
  const open = () => {
    // A link to a host that the filter hides shows it.
    const row = location.hash.startsWith("#m") && document.getElementById(location.hash.slice(1));
    if (row && row.hidden) { find.value = ""; for (const box of form.querySelectorAll("input[name=state]")) box.checked = true; apply(); row.scrollIntoView(); }
  };
  window.addEventListener("hashchange", open);
  form.hidden = false;
  apply();
})();
