// Tables with class "sortable": a button in each head sorts; the inputs of the form before it filter.
const bookTables = {
  compare(a, b) { // numbers by size, before words; empty cells last
    if (!a || !b) return (a ? 0 : 1) - (b ? 0 : 1);
    const [x, y] = [parseFloat(a), parseFloat(b)];
    if (Number.isNaN(x) || Number.isNaN(y)) return (Number.isNaN(x) ? 1 : 0) - (Number.isNaN(y) ? 1 : 0) || a.localeCompare(b);
    return x - y;
  },
  matches: (row, words, menus) => words.every((word) => row.textContent.toLowerCase().includes(word))
    && menus.every(([name, value]) => !value || row.dataset[name] === value),
};
document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("table.sortable").forEach((table) => {
  const body = table.tBodies[0], rows = [...body.rows], heads = [...table.tHead.rows[0].cells];
  const form = document.querySelector(`form[data-table="${table.id}"]`);
  const key = (row, column) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
  heads.forEach((head, column) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: head.textContent });
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const order = (a, b) => bookTables.compare(key(a, column), key(b, column));
      // an empty cell stays last either way
      body.append(...[...rows].sort((a, b) => (down && key(a, column) && key(b, column) ? -1 : 1) * order(a, b)));
    });
  });
  if (!form) return;
  const filter = () => {
    const words = form.elements.words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const menus = [...form.querySelectorAll("select")].map((menu) => [menu.name, menu.value]);
    rows.forEach((row) => { row.hidden = !bookTables.matches(row, words, menus); });
    form.querySelector("output").textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows`;
  };
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  filter();
}));
