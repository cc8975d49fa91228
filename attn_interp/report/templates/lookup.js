// A search box above each table of documents, and its columns sorted by a click; without this the tables stand as they are.
for (const table of document.querySelectorAll("table.documents")) {
  const body = table.tBodies[0], rows = [...body.rows];
  const key = (row, column) => {
    const text = row.cells[column].textContent.trim();
    const value = Number(text.replaceAll(",", "").replace("−", "-").replace("∞", "Infinity"));
    return text === "–" ? null : Number.isNaN(value) ? text : value;
  };
  const compare = (a, b) => typeof a === typeof b && typeof a === "number" ? a - b : String(a).localeCompare(String(b));
  const box = document.createElement("input"), told = document.createElement("span");
  box.type = "search";
  box.placeholder = "id, class or number";
  box.setAttribute("aria-label", "search the documents");
  told.className = "note";
  told.setAttribute("role", "status");
  const search = () => {
    const wanted = box.value.toLowerCase().split(/\s+/);
    let count = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !wanted.every((word) => text.includes(word));
      count += !row.hidden;
    }
    told.textContent = ` ${count} of ${rows.length} documents`;
  };
  box.addEventListener("input", search);
  table.parentElement.before(box, told);
  search();
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const down = heading.ariaSort !== "descending";
      for (const other of table.tHead.rows[0].cells) other.ariaSort = null;
      heading.ariaSort = down ? "descending" : "ascending";
      rows.sort((one, other) => {
        const [a, b] = [key(one, column), key(other, column)];
        if (a === null || b === null) return (a === null) - (b === null);
        return down ? compare(b, a) : compare(a, b);
      });
      body.append(...rows);
    });
  });
}
