// The operating point: a candidate's curve, a slider along it, and what the point costs and answers.

function panel() {
  const host = place("panel");
  if (!host || !POINTS.length) return;
  const slots = html("div", { class: "slots" });
  const canvas = html("div", { class: "canvas" });
  const table = html("table", { class: "numbers" });
  const text = html("p", { class: "quiet", role: "status" });
  let chart = null;
  const draw = responsive(canvas, (width) => {
    chart = drawOperatingCurves(canvas, width);
    markPoints(chart);
  });
  let sliders = [];
  watch((change) => {
    if (change !== "move") {
      sliders = STATE.picks.map((one, slot) => (one ? slotOf(one, slot) : null));
      slots.replaceChildren(...sliders.filter(Boolean).map((one) => one.root));
      text.textContent = STATE.next ? "The next point that you open, in the figure or the table, is compared with A." : "";
    }
    if (change === "pick") draw();
    sliders.forEach((one) => one?.update());
    if (chart) markPoints(chart);
    table.className = STATE.picks[1] ? "numbers two" : "numbers";
    table.replaceChildren(...numbers());
  });
  host.replaceChildren(slots, text, canvas, html("div", { class: "scroll" }, table));
}

// The head of a slot: who it is, the slider, the points that the search chose from.
function slotOf(one, slot) {
  const { candidate } = one;
  const last = candidate.curve.size - 1;
  const slider = html("input", {
    type: "range", min: 0, max: last, step: 1, class: "slider", "data-slot": LETTERS[slot],
    "aria-label": `${LETTERS[slot]}: point of the operating curve, from cheap to costly`,
    oninput: () => move(slot, Number(slider.value)),
  });
  slider.disabled = last === 0;
  const stops = candidate.points.map((point) =>
    button(percent(point.budgetFraction, 0), () => move(slot, point.index), {
      class: point.isFront ? "stop front" : "stop", "data-index": point.index,
      title: `May spend ${percent(point.budgetFraction, 0)} of the full cost${point.isFront ? "; on the front" : ""}`,
    }),
  );
  const update = () => {
    slider.value = one.index;
    slider.setAttribute("aria-valuetext", `${percent(candidate.curve.accuracy[one.index], 2)}, ${formatCost(one)}`);
    for (const stop of stops) stop.setAttribute("aria-pressed", String(Number(stop.dataset.index) === one.index));
  };
  const head = html(
    "div", { class: "slot-head" },
    html("span", { class: `letter-badge pick-${slot}` }, LETTERS[slot]),
    html("code", {}, candidate.key),
    RUNS.length > 1 ? html("span", { class: "quiet" }, candidate.run.label) : null,
    html("span", { class: "push" }),
    slot === 0 && !STATE.picks[1]
      ? button(STATE.next ? "Cancel" : "Compare…", () => awaitComparison(!STATE.next), { "aria-pressed": String(!!STATE.next) })
      : null,
    STATE.picks[1] ? button("Close", () => drop(slot), { "aria-label": `Close ${LETTERS[slot]}` }) : null,
  );
  const choices = html("div", { class: "stops" }, html("span", { class: "quiet" }, "budget fraction"), stops);
  return { root: html("div", { class: "slot" }, head, html("label", { class: "along" }, html("span", {}, "cheap"), slider, html("span", {}, "costly")), choices), update };
}

function formatCost({ candidate, index }) {
  const metric = candidate.run.cost;
  return `${metricValue(metric, metricAt(candidate, index, metric))} ${metricName(metric)}`;
}

function drawOperatingCurves(canvas, width) {
  const chosen = STATE.picks.filter(Boolean);
  if (!chosen.length) return canvas.replaceChildren(), null;
  const own = chosen[0].candidate.run.cost;
  const cost = chosen.every(({ candidate }) => candidate.reach[own]) ? own : "macs";
  const accuracies = chosen.flatMap(({ candidate }) => Array.from(candidate.curve.accuracy));
  const costs = chosen.flatMap(({ candidate }) => Array.from(candidate.curve.accuracy, (_, i) => metricAt(candidate, i, cost)));
  const [low, high] = spread(costs, false);
  const [bottom, topmost] = spread(accuracies, false, 0.06);
  const xAxis = { low: Math.max(0, low), high, title: axisTitle(cost), word: tickWord(cost) };
  const yAxis = { low: Math.max(0, bottom), high: Math.min(1, topmost), word: tickWord("accuracy") };
  const chart = figure(width, 190, xAxis, yAxis, "Accuracy over cost along the operating curve", true);
  chosen.forEach(({ candidate }) => {
    const slot = STATE.picks.findIndex((one) => one?.candidate === candidate);
    const at = (i) => [chart.x(metricAt(candidate, i, cost)), chart.y(candidate.curve.accuracy[i])];
    chart.area.append(svg("path", { class: `pick-curve pick-${slot}`, d: linePath(Array.from({ length: candidate.curve.size }, (_, i) => at(i))) }));
    for (const point of candidate.points) {
      const [cx, cy] = at(point.index);
      chart.area.append(svg("circle", { class: point.isFront ? "stop-mark front" : "stop-mark", style: point.isFront ? `fill: ${runColour(candidate.run)}` : null, cx, cy, r: 3.5 }));
    }
  });
  chart.cost = cost;
  chart.marks = svg("g");
  chart.top.append(chart.marks);
  canvas.replaceChildren(chart.root);
  return chart;
}

function markPoints(chart) {
  chart.marks.replaceChildren();
  STATE.picks.forEach((one, slot) => {
    if (!one) return;
    const [cx, cy] = [chart.x(metricAt(one.candidate, one.index, chart.cost)), chart.y(one.candidate.curve.accuracy[one.index])];
    chart.marks.append(svg("circle", { class: `ring pick-${slot}`, cx, cy, r: 7 }), svg("text", { class: "letter", x: cx + 9, y: cy - 7 }, LETTERS[slot]));
  });
}

// The table of numbers: one column per selected point, and the difference of two.
function numbers() {
  const chosen = STATE.picks.filter(Boolean);
  const isTwo = chosen.length === 2;
  const names = [...new Set(chosen.flatMap(({ candidate }) => candidate.run.metrics))].filter((name) => !isRightness(name));
  const head = html("tr", {}, html("td"), isTwo ? [...LETTERS, "B − A"].map((word) => html("th", { scope: "col" }, word)) : null);
  const rows = [
    row("Accuracy", chosen, ({ candidate, index }) => candidate.curve.accuracy[index], (value) => percent(value, 2), true),
    row("95% interval", chosen, ({ candidate, index }) => interval(candidate.curve.accuracy[index], candidate.run.images)),
    ...names.map((name) => row(DATA.metrics[name].title, chosen, ({ candidate, index }) => metricAt(candidate, index, name), (value) => metricValue(name, value), isShare(name))),
    row("Of its full cost", chosen, ({ candidate, index }) => metricAt(candidate, index, candidate.run.cost) / candidate.reach[candidate.run.cost].at(-1), (value) => percent(value), true),
    ...exitRows(chosen),
    row("Constraints", chosen, ({ candidate, index }) => broken(candidate, index).map((words) => `breaks ${words}`).join("; ") || "met"),
  ];
  return [html("thead", {}, isTwo ? head : []), html("tbody", {}, rows)];
}

function row(name, chosen, read, word = (value) => value, isShareRow = false) {
  const values = chosen.map(read);
  const cells = values.map((value) => html("td", {}, typeof value === "number" && !Number.isFinite(value) ? "–" : word(value)));
  if (chosen.length === 2) cells.push(html("td", { class: "quiet" }, difference(...values, isShareRow)));
  return html("tr", {}, html("th", { scope: "row" }, name), cells);
}

function difference(a, b, isShareRow) {
  if (typeof a !== "number" || !Number.isFinite(a) || !Number.isFinite(b)) return "";
  const gap = isShareRow ? (b - a) * 100 : (b / a - 1) * 100;
  return `${gap < 0 ? "−" : "+"}${Math.abs(gap).toFixed(1)}${isShareRow ? " points" : "%"}`;
}

// Where images leave, the bar in the exit's colour, and how right the exit were alone.
function exitRows(chosen) {
  const names = [...new Set(chosen.flatMap(({ candidate }) => [...candidate.network.exits.map((exit) => exit.name)]))].sort(byNumber);
  return [...names, "final"].map((name) => {
    const cells = chosen.map(({ candidate, index }) => {
      const exits = candidate.network.exits.map((exit) => exit.name).concat("final");
      const i = exits.indexOf(name);
      if (i < 0) return html("td", { class: "quiet" }, "no exit");
      const share = candidate.curve.rates[i][index];
      const bar = html("span", { class: "rate", style: `--share: ${share}; --colour: ${exitColour(candidate, i)}` });
      return html("td", {}, bar, html("span", { class: "value" }, percent(share)), html("span", { class: "quiet alone" }, `alone ${percent(candidate.exitAccuracy[i])}`));
    });
    if (chosen.length === 2) cells.push(html("td"));
    return html("tr", { class: "exit-row" }, html("th", { scope: "row" }, name === "final" ? "Leave at the end" : `Leave after ${name}`), cells);
  });
}
