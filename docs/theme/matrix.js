// The page with the whole matrix: its rows chosen by operation, mode and outcome. Without this the page is complete, only long.
(() => {
  const place = document.getElementById("matrix-filter");
  if (!place) return;
  const modes = ["blocking", "non-blocking", "timeout"];

  // What is there: for each heading behind the place its table, row by row.
  const tables = [];
  for (let heading = place.nextElementSibling; heading; heading = heading.nextElementSibling) {
    if (heading.tagName !== "H2") continue;
    let box = heading.nextElementSibling;
    while (box && !(box.matches("table") || box.querySelector("table"))) box = box.nextElementSibling;
    if (!box) break;
    const rows = [...box.querySelectorAll("tbody tr")];
    tables.push({ operation: heading.textContent.trim(), heading, box, rows });
  }
  const cell = (row, mode) => row.children[1 + modes.indexOf(mode)].textContent;
  // "ok:5 · peer" is an ok: neither how many bytes nor what it waited for.
  const outcome = (text) => text.split(" ·")[0].replace(/^ok:\d+$/, "ok:N");

  const outcomes = new Set();
  for (const { rows } of tables) {
    for (const row of rows) for (const mode of modes) outcomes.add(outcome(cell(row, mode)));
  }
  outcomes.delete("–");

  const choice = (name, words, values) => {
    const select = document.createElement("select");
    for (const value of ["", ...values]) {
      const option = document.createElement("option");
      option.value = value;
      option.textContent = value || words;
      select.append(option);
    }
    const label = document.createElement("label");
    label.append(`${name} `, select);
    place.append(label);
    select.addEventListener("change", show);
    return select;
  };
  const byOperation = choice("operation", "all", tables.map((it) => it.operation));
  const byMode = choice("mode", "all three", modes);
  const byOutcome = choice("outcome", "any", [...outcomes].sort());
  const count = document.createElement("output");
  place.append(count);

  function show() {
    const looked = byMode.value ? [byMode.value] : modes;
    let shown = 0;
    let all = 0;
    for (const { operation, heading, box, rows } of tables) {
      let some = 0;
      for (const row of rows) {
        const fits =
          (!byOperation.value || byOperation.value === operation) &&
          (!byOutcome.value || looked.some((mode) => outcome(cell(row, mode)) === byOutcome.value));
        row.hidden = !fits;
        some += fits ? 1 : 0;
      }
      for (const row of box.querySelectorAll("tr")) {
        modes.forEach((mode, at) => {
          row.children[1 + at].hidden = !looked.includes(mode);
        });
      }
      heading.hidden = some === 0;
      box.hidden = some === 0;
      shown += some;
      all += rows.length;
    }
    count.textContent = `${shown} of ${all} rows`;
  }
  show();
})();
