
"use strict";
// If the page is opened long after the data were read, it shows how old they are.
const read = document.getElementById("read");
if (read) {
  const hours = (Date.now() - Date.parse(read.dateTime)) / 3600000;
  if (hours > 6) {
    const age = hours < 48 ? `${Math.round(hours)} hours` : `${Math.round(hours / 24)} days`;
    const old = document.getElementById("old");
    old.textContent = `The data were read ${age} ago: this page may be out of date.`;
    old.hidden = false;
  }
}
// Many environments can be filtered by name, tenant id and state.
const filter = document.getElementById("filter");
if (filter) {
  const rows = [...document.querySelectorAll(".readiness tbody tr")].map(
    row => [row, row.querySelector("th").textContent.toLowerCase() + " " + row.dataset.tenant.toLowerCase()]);
  const [name, state, shown] = ["name", "state", "shown"].map(id => document.getElementById(id));
  filter.hidden = false;
  filter.addEventListener("submit", event => event.preventDefault());
  filter.addEventListener("input", () => {
    const wanted = name.value.trim().toLowerCase();
    let count = 0;
    for (const [row, text] of rows) {
      row.hidden = !(text.includes(wanted) && (!state.value || row.dataset.state === state.value));
      count += row.hidden ? 0 : 1;
    }
    shown.textContent = `${count} of ${rows.length} shown`;
  });
}
