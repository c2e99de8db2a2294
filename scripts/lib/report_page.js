// Tables sort by the column whose head is clicked: numbers from the largest at first, text from A; again for the reverse.
"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = "sort by this column";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const value = (row) => {
        const cell = row.cells[column];
        return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
      };
      const rows = [...body.rows];
      const numbers = rows.every((row) => typeof value(row) === "number");
      const before = head.getAttribute("aria-sort");
      const up = before === null ? !numbers : before === "descending";
      const compare = (a, b) => numbers ? value(a) - value(b) : String(value(a)).localeCompare(String(value(b)));
      rows.sort((a, b) => up ? compare(a, b) : compare(b, a));
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      body.append(...rows);
    });
  });
}
