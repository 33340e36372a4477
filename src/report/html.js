"use strict";
(() => {
  const form = document.getElementById("timeline-filter");
  const events = document.getElementById("timeline-events");
  if (!form || !events) return;
  const find = document.getElementById("timeline-find");
  const cited = document.getElementById("timeline-cited");
  const count = document.getElementById("timeline-count");
  const rows = Array.from(events.querySelectorAll("tr[data-kind]"));
  const texts = new Map();
  const text = (row) => {
    if (!texts.has(row)) texts.set(row, row.textContent.toLowerCase());
    return texts.get(row);
  };
  const apply = () => {
    const wanted = find.value.trim().toLowerCase();
    const kinds = new Set();
    let all = true;
    for (const box of form.querySelectorAll("input[name=kind]")) {
      if (box.checked) kinds.add(box.value); else all = false;
    }
    const only = cited.checked;
    let shown = 0;
    const parts = new Map();
    for (const row of rows) {
      const hit = kinds.has(row.dataset.kind)
        && (!only || row.classList.contains("cited"))
        && (!wanted || text(row).includes(wanted));
      if (row.hidden === hit) row.hidden = !hit;
      if (hit) shown += 1;
      const part = row.closest("details");
      if (part && hit) parts.set(part, (parts.get(part) || 0) + 1);
    }
    const filtered = wanted || only || !all;
    let opened = 0;
    for (const part of events.querySelectorAll("details")) {
      const hits = parts.get(part) || 0;
      part.hidden = filtered && hits === 0;
      if (filtered && hits > 0 && opened < 5) { part.open = true; opened += 1; }
    }
    count.textContent = filtered ? shown.toLocaleString("en") + " of " + rows.length.toLocaleString("en") : "";
  };
  let waiting = 0;
  const soon = () => { clearTimeout(waiting); waiting = setTimeout(apply, 150); };
  form.addEventListener("input", soon);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
})();
