"use strict";
// Tables marked "sortable": a click on a heading sorts by it, a second one the other way round.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const around = table.closest("section");
  const said = around.querySelector("[role=status]");
  const headings = [...table.tHead.rows[0].cells];
  const names = headings.map((heading) => heading.textContent);
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      const numeric = heading.dataset.kind === "number";
      const keyed = [...body.rows].map((row) => ({ row, key: row.cells[column].dataset.order }));
      keyed.sort((a, b) => {
        if (a.key === "" || b.key === "") return (a.key === "") - (b.key === "");
        const order = numeric ? a.key - b.key : a.key.localeCompare(b.key, "en", { numeric: true });
        return down ? -order : order;
      });
      body.append(...keyed.map((item) => item.row));
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      said.textContent = `Sorted by ${button.textContent}, ${down ? "descending" : "ascending"}.`;
    });
  });
  // A row stays if it holds all words that were typed, in any column, and what was chosen.
  const tools = around.querySelector(".tools");
  const fields = [...tools.querySelectorAll("[data-filter]")];
  const rows = [...body.rows].map((row) => ({
    row,
    words: [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase(),
    order: Object.fromEntries([...row.cells].map((cell, column) => [names[column], cell.dataset.order])),
  }));
  tools.addEventListener("input", () => {
    const words = fields[0].value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = fields.slice(1).filter((field) => field.value !== "");
    let shown = 0;
    for (const { row, words: text, order } of rows) {
      const fits = words.every((word) => text.includes(word)) && chosen.every((field) => order[field.dataset.filter] === field.value);
      row.hidden = !fits;
      shown += fits;
    }
    said.textContent = `${shown} of ${rows.length} visits shown.`;
  });
  tools.hidden = false;
}
// A link to a visit's evidence opens it.
const reveal = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const part = target && target.closest("details");
  if (!part) return;
  part.open = true;
  part.scrollIntoView({ behavior: "instant" });
  target.focus({ preventScroll: true });
};
addEventListener("hashchange", reveal);
document.addEventListener("click", (event) => {
  // Following the same link twice changes no address.
  const link = event.target.closest('a[href^="#visit-"]');
  if (link && link.hash === location.hash) reveal();
});
reveal();
// A picture can be seen larger.
const viewer = document.querySelector("dialog");
for (const chip of document.querySelectorAll(".chip")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Enlarge";
  button.setAttribute("aria-label", `Enlarge: ${chip.querySelector("svg").getAttribute("aria-label")}`);
  button.addEventListener("click", () => {
    const shown = chip.cloneNode(true);
    shown.className = "";
    shown.lastElementChild.remove();
    viewer.querySelector("div").replaceChildren(shown);
    viewer.showModal();
  });
  chip.append(button);
}
// On paper nothing can be opened.
let closed = [];
addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("details:not([open])")];
  closed.forEach((part) => { part.open = true; });
});
addEventListener("afterprint", () => closed.forEach((part) => { part.open = false; }));
