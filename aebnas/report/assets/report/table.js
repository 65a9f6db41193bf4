// Every operating point in a table: filtered, sorted, opened and compared from the keyboard.

const PAGE_ROWS = 100;
const TABLE = { rows: "front", text: "", accuracy: "", cost: "", metric: null, sort: null, isRising: true, limit: PAGE_ROWS };

function table() {
  const host = place("table");
  if (!host || !POINTS.length) return;
  TABLE.metric = RUNS.find((run) => run.candidates.length).cost;
  TABLE.sort = TABLE.metric;
  if (!POINTS.some((point) => point.isFront)) TABLE.rows = "best";
  const body = html("tbody");
  const head = html("tr");
  const count = html("p", { class: "quiet", role: "status" });
  const more = button("Show more rows", () => ((TABLE.limit += 5 * PAGE_ROWS), redraw()), { class: "more" });
  const redraw = () => {
    head.replaceChildren(...heads(redraw));
    const found = sorted(filtered());
    body.replaceChildren(...found.slice(0, TABLE.limit).map(tableRow));
    more.hidden = found.length <= TABLE.limit;
    count.textContent = `${found.length.toLocaleString("en")} of ${POINTS.length.toLocaleString("en")} operating points`;
  };
  body.addEventListener("keydown", tableKeys);
  const scroll = html("div", { class: "scroll", role: "region", "aria-label": "Candidates", tabindex: 0 }, html("table", { class: "candidates" }, html("thead", {}, head), body));
  host.replaceChildren(filters(redraw), count, scroll, more);
  watch(() => markRows(body));
  redraw();
}

function columns() {
  const metrics = Object.keys(DATA.metrics).filter((name) => name !== "error");
  return [
    ...(RUNS.length > 1 ? [{ name: "Run", id: "run", read: (point) => point.candidate.run.label }] : []),
    ...metrics.map((name) => ({ name: DATA.metrics[name].title, id: name, isNumber: true, read: (point) => point.value(name), word: (value) => metricValue(name, value) })),
    { name: "Budget fraction", id: "budget-fraction", isNumber: true, read: (point) => point.budgetFraction, word: (value) => percent(value, 0) },
    ...(RUNS.some((run) => run.uneven) ? [{ name: "Epochs", id: "epochs", isNumber: true, read: (point) => point.candidate.epochs ?? NaN, word: epochsWord }] : []),
    { name: "Leaves at", id: "leaves", read: null },
    { name: "Candidate", id: "key", read: (point) => point.candidate.key },
  ];
}

function heads(redraw) {
  const cells = columns().map((column) => {
    if (!column.read) return html("th", { scope: "col" }, column.name);
    const sort = () => {
      TABLE.isRising = TABLE.sort === column.id ? !TABLE.isRising : true;
      TABLE.sort = column.id;
      redraw();
      document.querySelector(`th[data-column="${CSS.escape(column.id)}"] button`)?.focus();
    };
    const state = TABLE.sort === column.id ? (TABLE.isRising ? "ascending" : "descending") : null;
    return html("th", { scope: "col", class: column.isNumber ? "number" : null, "aria-sort": state, "data-column": column.id }, button(column.name, sort));
  });
  return [html("th", { scope: "col" }, html("span", { class: "visually-hidden" }, "Selected")), ...cells];
}

function filters(redraw) {
  const change = (name) => (event) => ((TABLE[name] = event.target.value), (TABLE.limit = PAGE_ROWS), redraw());
  const field = (label, name, attributes) => html("label", { class: "field" }, html("span", {}, label), html("input", { oninput: change(name), ...attributes }));
  const metrics = Object.entries(DATA.metrics).filter(([name, { rises }]) => !isShare(name) && !rises).map(([name, words]) => [name, words.title]);
  return html(
    "div", { class: "bar" },
    choice("Show", [["front", "the front"], ["best", "the best point of every candidate"], ["all", "all operating points"]], TABLE.rows, (value) => ((TABLE.rows = value), (TABLE.limit = PAGE_ROWS), redraw())),
    field("Text", "text", { type: "search", placeholder: "mbconv, k5, key…", size: 16 }),
    field("Accuracy at least (%)", "accuracy", { type: "number", min: 0, max: 100, step: "any", class: "narrow" }),
    choice("Limit", metrics, TABLE.metric, (value) => ((TABLE.metric = value), redraw())),
    field("at most", "cost", { type: "text", inputmode: "decimal", placeholder: "e.g. 500k", class: "narrow" }),
  );
}

// 5e5, 500000 or 500k.
function quantity(text) {
  const match = /^\s*([0-9.]+(?:e[0-9+-]+)?)\s*([kKMGT]?)\s*$/.exec(text);
  return match ? Number(match[1]) * { "": 1, k: 1e3, K: 1e3, M: 1e6, G: 1e9, T: 1e12 }[match[2]] : Infinity;
}

function filtered() {
  const words = TABLE.text.toLowerCase().split(/\s+/).filter(Boolean);
  const least = TABLE.accuracy === "" ? -1 : Number(TABLE.accuracy) / 100;
  const most = TABLE.cost.trim() === "" ? Infinity : quantity(TABLE.cost);
  const best = TABLE.rows === "best" ? new Set(RUNS.flatMap((run) => run.candidates.map(bestPoint))) : null;
  return POINTS.filter((point) => {
    if (TABLE.rows === "front" && !point.isFront) return false;
    if (best && !best.has(point)) return false;
    if (point.value("accuracy") < least - 1e-12) return false;
    if (most < Infinity && !(point.value(TABLE.metric) <= most)) return false;
    return words.every((word) => searchable(point.candidate).includes(word));
  });
}

function bestPoint(candidate) {
  const worth = (point) => (point.isFront ? 4 : 0) + (point.isFeasible ? 2 : 0) + point.value("accuracy");
  return candidate.points.reduce((best, point) => (worth(point) > worth(best) ? point : best));
}

function searchable(candidate) {
  candidate.text ??= `${candidate.key} ${candidate.run.label} ${formatArchitecture(candidate)}`.toLowerCase();
  return candidate.text;
}

function sorted(points) {
  const { read } = columns().find((column) => column.id === TABLE.sort);
  const order = (a, b) => (typeof a === "string" ? a.localeCompare(b) : (Number.isNaN(a) ? Infinity : a) - (Number.isNaN(b) ? Infinity : b)) || 0;
  const keyed = points.map((point) => [read(point), point]);
  return keyed.sort((a, b) => order(a[0], b[0]) * (TABLE.isRising ? 1 : -1)).map(([, point]) => point);
}

function tableRow(point, i) {
  const cells = columns().map((column) => {
    if (column.id === "leaves") return html("td", {}, rateBar(point));
    const value = column.read(point);
    if (column.id === "key") return html("td", {}, html("code", {}, value), html("span", { class: "line", title: formatArchitecture(point.candidate) }, formatArchitecture(point.candidate)));
    return html("td", { class: column.isNumber ? "number" : null }, column.word ? (Number.isFinite(value) ? column.word(value) : "–") : value);
  });
  const openIt = (event) => {
    open(point, event.shiftKey);
    place("explore").scrollIntoView();
  };
  const row = html("tr", { tabindex: i ? -1 : 0, class: point.isFeasible ? null : "not-feasible", onclick: openIt }, html("td", { class: "mark" }, letterOf(point)), cells);
  row.point = point;
  return row;
}

function rateBar(point) {
  const { candidate, index } = point;
  const rates = candidate.curve.rates.map((rate) => rate[index]);
  const words = rates.map((rate, i) => `${exitName(candidate, i)} ${percent(rate)}`).join(", ");
  const parts = rates.map((rate, i) => html("span", { style: `flex-grow: ${rate}; background: ${exitColour(candidate, i)}` }));
  return html("span", { class: "rates", role: "img", "aria-label": words, title: words }, parts);
}

function tableKeys(event) {
  const row = event.target.closest("tr");
  const steps = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" };
  if (event.key === "Enter" || event.key === " ") {
    open(row.point, event.shiftKey);
  } else if (event.key in steps) {
    const next = row[steps[event.key]];
    if (next) {
      row.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    }
  } else {
    return;
  }
  event.preventDefault();
}

function markRows(body) {
  for (const row of body.rows) {
    const letter = letterOf(row.point);
    row.cells[0].textContent = letter;
    row.classList.toggle("picked", !!letter);
  }
}
