// The front: every operating point over two axes of choice.

const LOG_RATIO = 12; // largest over smallest cost beyond which an axis begins logarithmic
const REACH = 14; // pixels around a point that belong to it
const MAX_WHISKERS = 40;

const FRONT = { x: null, y: "accuracy", isLogX: false, isLogY: false, isWhole: false, hasCurves: false, drawn: null };

function frontSection() {
  const host = place("front");
  if (!host || !POINTS.length) return;
  const first = RUNS.find((run) => run.candidates.length);
  FRONT.x = first.objectives.find((name) => name !== "error") || "macs";
  FRONT.isLogX = spreadsWidely(FRONT.x);
  const canvas = html("div", { class: "canvas" });
  const tip = html("div", { class: "tip", hidden: true });
  const note = html("p", { class: "caption", id: "front-note" });
  const draw = responsive(canvas, (width) => drawFront(canvas, tip, width, note));
  const bar = html("div", { class: "bar" });
  const tools = () => bar.replaceChildren(...frontTools(() => (tools(), draw())));
  tools();
  host.replaceChildren(bar, legend(), html("div", { class: "stage" }, canvas, tip), note);
  watch(() => FRONT.drawn && drawPicks(FRONT.drawn));
}

function spreadsWidely(metric) {
  const values = POINTS.map((point) => point.value(metric)).filter(Number.isFinite);
  const low = values.reduce((a, b) => Math.min(a, b), Infinity);
  const high = values.reduce((a, b) => Math.max(a, b), 0);
  return low > 0 && high > LOG_RATIO * low;
}

function frontTools(redraw) {
  const options = Object.entries(DATA.metrics).map(([name, words]) => [name, words.title]);
  const set = (name) => (value) => ((FRONT[name] = value), redraw());
  const setX = (value) => {
    FRONT.isLogX = !isShare(value) && spreadsWidely(value);
    set("x")(value);
  };
  return [
    choice("Across", options, FRONT.x, setX),
    toggle("log", FRONT.isLogX, set("isLogX")),
    choice("Up", options, FRONT.y, set("y")),
    toggle("log", FRONT.isLogY, set("isLogY")),
    toggle("all in view", FRONT.isWhole, set("isWhole")),
    toggle("curves", FRONT.hasCurves, set("hasCurves")),
  ];
}

function legend() {
  const entries = RUNS.filter((run) => run.candidates.length).flatMap((run) => {
    const name = RUNS.length > 1 ? `${run.label}: front` : "Front";
    const mark = svg("svg", { viewBox: "-8 -8 16 16", class: "key" }, svg("path", { d: MARKERS[run.number % 6], fill: runColour(run) }));
    return [html("li", {}, mark, `${name} (${run.front.length})`)];
  });
  const feasible = svg("svg", { viewBox: "-8 -8 16 16", class: "key" }, svg("circle", { r: 3, class: "other" }));
  const infeasible = svg("svg", { viewBox: "-8 -8 16 16", class: "key" }, svg("path", { d: "M-3 -3L3 3M-3 3L3 -3", class: "infeasible" }));
  entries.push(html("li", {}, feasible, "other operating points"));
  for (const run of RUNS.filter((one) => one.inherited)) {
    const hollow = svg("svg", { viewBox: "-8 -8 16 16", class: "key" }, svg("path", { class: "hollow", d: MARKERS[run.number % 6], style: `color: ${runColour(run)}` }));
    entries.push(html("li", {}, hollow, `${RUNS.length > 1 ? `${run.label}: ` : ""}hollow: ${run.inherited}; filled: trained`));
  }
  entries.push(...staticLegend());
  if (POINTS.some((point) => !point.isFeasible)) entries.push(html("li", {}, infeasible, "infeasible"));
  return html("ul", { class: "legend" }, entries);
}

function drawFront(canvas, tip, width, note) {
  const height = Math.round(Math.min(560, Math.max(340, width * 0.62)));
  const shown = POINTS.filter((point) => Number.isFinite(point.value(FRONT.x)) && Number.isFinite(point.value(FRONT.y)));
  const xAxis = frontAxis("x", FRONT.isLogX, shown);
  const yAxis = frontAxis("y", FRONT.isLogY, shown);
  const label = `${axisTitle(FRONT.y)} over ${axisTitle(FRONT.x)}; arrow keys walk along the front, Enter opens a point`;
  const chart = figure(width, height, xAxis, yAxis, label);
  const placed = shown.map((point) => ({ point, x: chart.x(point.value(FRONT.x)), y: chart.y(point.value(FRONT.y)) }));
  const visible = placed.filter(({ x, y }) => Number.isFinite(x + y) && inside(chart.inner, x, y));
  drawBounds(chart);
  drawCloud(chart, visible);
  if (FRONT.hasCurves) drawCurves(chart);
  drawStatic(chart);
  const marks = drawMembers(chart, visible, tip);
  chart.picks = svg("g", { class: "picks" });
  chart.top.append(chart.picks);
  listen(chart, visible, tip, canvas);
  canvas.replaceChildren(chart.root);
  FRONT.drawn = { chart, marks };
  drawPicks(FRONT.drawn);
  note.textContent = frontNote(shown.length, shown.length - visible.length);
}

function inside({ left, right, top, bottom }, x, y) {
  return x >= left - 1 && x <= right + 8 && y >= top - 6 && y <= bottom + 1;
}

function frontAxis(side, isLog, shown) {
  const metric = FRONT[side];
  const values = [...shown, ...shownStatic()].map((point) => point.value(metric));
  const usesLog = isLog && !values.some((value) => value <= 0);
  let [low, high] = spread(values, usesLog);
  if (side === "y" && isShare(metric) && !FRONT.isWhole) [low, high] = focused(metric, values, shown, low, high);
  if (!usesLog && !isShare(metric)) low = low > 0 && low < 0.5 * high && side === "x" ? 0 : Math.max(0, low);
  if (isShare(metric)) [low, high] = [Math.max(usesLog ? low : 0, low), Math.min(1, high)];
  return { low, high, isLog: usesLog, title: axisTitle(metric) + (usesLog ? ", log" : ""), word: tickWord(metric) };
}

// Weak candidates would press the front into the edge: the worst quarter may lie outside.
function focused(metric, values, shown, low, high) {
  const front = shown.filter((point) => point.isFront).map((point) => point.value(metric));
  const sorted = Float64Array.from(shown.map((point) => point.value(metric))).sort();
  const quarter = sorted[Math.floor((DATA.metrics[metric].rises ? 0.25 : 0.75) * (sorted.length - 1))];
  const [start, end] = spread([...front, quarter], false, 0.12);
  return DATA.metrics[metric].rises ? [Math.max(low, start), Math.max(high, end)] : [Math.min(low, start), Math.min(high, end)];
}

function drawBounds(chart) {
  const seen = new Set();
  for (const [metric, low, high] of RUNS.flatMap((run) => run.bounds)) {
    for (const [bound, sign] of [[low, "≥"], [high, "≤"]]) {
      if (bound === null) continue;
      for (const side of ["x", "y"]) {
        const mirrored = isRightness(metric) && isRightness(FRONT[side]) && metric !== FRONT[side];
        if (metric !== FRONT[side] && !mirrored) continue;
        const words = `${metricName(metric)} ${sign} ${metricValue(metric, bound)}`;
        if (!seen.has(side + words)) boundLine(chart, side, mirrored ? 1 - bound : bound, words);
        seen.add(side + words);
      }
    }
  }
}

function boundLine({ area, x, y, inner }, side, value, words) {
  const at = side === "x" ? x(value) : y(value);
  const ends = side === "x" ? { x1: at, x2: at, y1: inner.top, y2: inner.bottom } : { x1: inner.left, x2: inner.right, y1: at, y2: at };
  if (!Number.isFinite(at)) return;
  const isRight = side === "x" && at > (inner.left + inner.right) / 2;
  const text = side === "x"
    ? { x: at + (isRight ? -5 : 5), y: inner.bottom - 6, "text-anchor": isRight ? "end" : "start" }
    : { x: inner.right - 2, y: at - 5, "text-anchor": "end" };
  area.append(svg("line", { class: "bound", ...ends }), svg("text", { class: "bound-word", ...text }, words));
}

// Thousands of points are three paths a run: no element each, and vector in print.
function drawCloud(chart, visible) {
  for (const run of RUNS) {
    const own = visible.filter(({ point }) => point.candidate.run === run && !point.isFront);
    const colour = RUNS.length > 1 ? `stroke: ${runColour(run)}` : null;
    const feasible = own.filter(({ point }) => point.isFeasible);
    const dots = feasible.filter(({ point }) => !isHollow(point.candidate)).map(({ x, y }) => `M${x.toFixed(1)} ${y.toFixed(1)}h0`);
    const rings = feasible
      .filter(({ point }) => isHollow(point.candidate))
      .map(({ x, y }) => `M${(x - 2.4).toFixed(1)} ${y.toFixed(1)}a2.4 2.4 0 1 0 4.8 0a2.4 2.4 0 1 0 -4.8 0`);
    const crosses = own
      .filter(({ point }) => !point.isFeasible)
      .map(({ x, y }) => `M${(x - 2.6).toFixed(1)} ${(y - 2.6).toFixed(1)}l5.2 5.2m0 -5.2l-5.2 5.2`);
    chart.area.append(svg("path", { class: "infeasible", d: crosses.join("") }));
    chart.area.append(svg("path", { class: "rings", style: colour, d: rings.join("") }), svg("path", { class: "cloud", style: colour, d: dots.join("") }));
  }
}

function drawCurves(chart) {
  for (const run of RUNS) {
    for (const candidate of new Set(run.front.map((point) => point.candidate))) {
      chart.area.append(svg("path", { class: "member-curve", style: `stroke: ${runColour(run)}`, d: curvePath(chart, candidate) }));
    }
  }
}

function curvePath(chart, candidate) {
  const pairs = [];
  for (let i = 0; i < candidate.curve.size; i++) {
    const pair = [chart.x(metricAt(candidate, i, FRONT.x)), chart.y(metricAt(candidate, i, FRONT.y))];
    if (Number.isFinite(pair[0] + pair[1])) pairs.push(pair);
  }
  return linePath(pairs);
}

// The front's own points: each can be focused, one at a time is in the tab order.
function drawMembers(chart, visible, tip) {
  const marks = [];
  for (const run of RUNS) {
    const own = visible.filter(({ point }) => point.candidate.run === run && point.isFront).sort((a, b) => a.x - b.x);
    const isLine = run.objectives.length === 2 && run.objectives.includes("error") && run.objectives.includes(FRONT.x);
    if (isLine && FRONT.y === "accuracy") {
      chart.area.append(svg("path", { class: "front-line", style: `stroke: ${runColour(run)}`, d: stepPath(own.map(({ x, y }) => [x, y])) }));
    }
    if (RUNS.length === 1 && own.length <= MAX_WHISKERS && isRightness(FRONT.y) && run.images) drawWhiskers(chart, own, run);
    for (const { point, x, y } of own) {
      const [mode, property] = isHollow(point.candidate) ? ["point hollow", "color"] : ["point", "fill"];
      const mark = svg("path", {
        class: mode, d: MARKERS[run.number % 6], transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`,
        style: `${property}: ${runColour(run)}`, role: "button", tabindex: marks.length ? -1 : 0,
        "aria-label": formatPoint(point), "data-key": point.candidate.key,
      });
      mark.addEventListener("focus", () => showTip(tip, point, x, y, chart));
      mark.addEventListener("blur", () => (tip.hidden = true));
      marks.push({ mark, point });
      chart.top.append(mark);
    }
  }
  marks.forEach(({ mark, point }, i) => mark.addEventListener("keydown", (event) => walk(event, marks, i, point)));
  return marks;
}

function drawWhiskers(chart, own, run) {
  const parts = own.map(({ point, x }) => {
    const [low, high] = wilson(point.value("accuracy"), run.images).map((bound) => chart.y(FRONT.y === "error" ? 1 - bound : bound));
    return `M${x.toFixed(1)} ${low.toFixed(1)}V${high.toFixed(1)}`;
  });
  chart.area.append(svg("path", { class: "whisker", style: `stroke: ${runColour(run)}`, d: parts.join("") }));
}

function walk(event, marks, i, point) {
  const steps = { ArrowRight: i + 1, ArrowUp: i + 1, ArrowLeft: i - 1, ArrowDown: i - 1, Home: 0, End: marks.length - 1 };
  if (event.key === "Enter" || event.key === " ") {
    open(point, event.shiftKey);
  } else if (event.key in steps) {
    const next = marks[Math.min(marks.length - 1, Math.max(0, steps[event.key]))].mark;
    marks.forEach(({ mark }) => mark.setAttribute("tabindex", mark === next ? 0 : -1));
    next.focus();
  } else {
    return;
  }
  event.preventDefault();
}

// The nearest point within reach answers a mouse; points of the front come first where they touch.
function listen(chart, visible, tip, canvas) {
  const nearest = (event) => {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let best = null;
    let least = REACH;
    for (const one of visible) {
      const distance = Math.hypot(one.x - x, one.y - y) - (one.point.isFront ? 4 : 0);
      if (distance < least) [best, least] = [one, distance];
    }
    return best;
  };
  chart.root.addEventListener("mousemove", (event) => {
    const found = nearest(event);
    chart.root.classList.toggle("over", !!found);
    if (found) showTip(tip, found.point, found.x, found.y, chart);
    else tip.hidden = true;
  });
  chart.root.addEventListener("mouseleave", () => (tip.hidden = true));
  chart.root.addEventListener("click", (event) => {
    const found = nearest(event);
    if (found) open(found.point, event.shiftKey);
  });
}

function formatPoint(point) {
  const parts = [`${percent(point.value("accuracy"), 2)} accuracy`];
  for (const metric of new Set([FRONT.x, FRONT.y, point.candidate.run.cost])) {
    const value = point.value(metric);
    if (!isRightness(metric) && Number.isFinite(value)) parts.push(`${metricValue(metric, value)} ${metricName(metric)}`);
  }
  const run = RUNS.length > 1 ? `, ${point.candidate.run.label}` : "";
  const weights = isHollow(point.candidate) ? `, ${point.candidate.run.inherited}` : "";
  return `${parts.join(", ")}; ${point.candidate.key}${run}${weights}${point.isFeasible ? "" : ", infeasible"}`;
}

function showTip(tip, point, x, y, chart) {
  const [head, key] = formatPoint(point).split("; ");
  tip.replaceChildren(html("strong", {}, head), html("span", {}, key));
  tip.hidden = false;
  const isRight = x > (chart.inner.left + chart.inner.right) / 2;
  tip.style.left = isRight ? "" : `${x + 12}px`;
  tip.style.right = isRight ? `${chart.inner.right + 14 - x + 12}px` : "";
  tip.style.top = `${Math.max(0, y - 46)}px`;
}

// Curves and rings of what is selected, over everything else.
function drawPicks({ chart, marks }) {
  chart.picks.replaceChildren();
  STATE.picks.forEach((one, slot) => {
    if (!one) return;
    const [x, y] = [FRONT.x, FRONT.y].map((metric) => metricAt(one.candidate, one.index, metric));
    const at = [chart.x(x), chart.y(y)];
    if (!Number.isFinite(at[0] + at[1])) return;
    const curve = svg("g", { "clip-path": chart.area.getAttribute("clip-path") }, svg("path", { class: `pick-curve pick-${slot}`, d: curvePath(chart, one.candidate) }));
    chart.picks.append(curve);
    if (!inside(chart.inner, ...at)) return;
    chart.picks.append(
      svg("circle", { class: `ring pick-${slot}`, cx: at[0], cy: at[1], r: 10 }),
      svg("text", { class: "letter", x: at[0] + 12, y: at[1] - 10 }, LETTERS[slot]),
    );
  });
  for (const { mark, point } of marks) mark.setAttribute("aria-pressed", letterOf(point) ? "true" : "false");
}

function frontNote(shown, hidden) {
  const parts = ["A click opens a point, Shift and a click compares it; a line through A shows its operating curve."];
  if (RUNS.length === 1) parts.push("Vertical bars are 95% intervals.");
  if (STATIC.length) parts.push("Hollow: the same candidates without exits; on the dashed line two of them share the images.");
  const axes = new Set([FRONT.x, FRONT.y]);
  const beyond = RUNS.flatMap((run) => run.bounds).filter(([metric]) => !axes.has(metric) && !(isRightness(metric) && [...axes].some(isRightness)));
  if (beyond.length) parts.push(`Constraints beyond these axes: ${[...new Set(beyond.map(formatBound))].join("; ")}.`);
  if (RUNS.some((run) => !run.objectives.every((name) => axes.has(name) || (name === "error" && axes.has("accuracy"))))) {
    parts.push("A projection: points that look beaten here win in another objective.");
  }
  if (RUNS.some((run) => run.alone)) {
    const { others, inherited } = RUNS.find((run) => run.alone);
    parts.push(`Trained top-k candidates alone hold the front: the most accurate ${others} of many${inherited ? " (hollow)" : ""} is mostly the luckiest on these images.`);
  }
  if (hidden) parts.push(`${hidden} of ${shown} points lie outside the frame.`);
  const lacking = RUNS.filter((run) => run.candidates.length && !run.metrics.includes(FRONT.x)).map((run) => run.label);
  if (lacking.length) parts.push(`Not scored by ${metricName(FRONT.x)}: ${lacking.join(", ")} (aebnas rescore does that).`);
  return parts.join(" ");
}

function formatBound([metric, low, high]) {
  const parts = [];
  if (low !== null) parts.push(`${metricName(metric)} ≥ ${metricValue(metric, low)}`);
  if (high !== null) parts.push(`${metricName(metric)} ≤ ${metricValue(metric, high)}`);
  return parts.join(" and ");
}
