// From the page's compact data to runs, candidates and their operating points.
// aebnas/report/page/page_data.py writes what is read here.

const DATA = JSON.parse(place("data").textContent);
const RUNS = DATA.runs.map(readRun);
const POINTS = RUNS.flatMap((run) => run.candidates.flatMap((candidate) => candidate.points));

function readRun(plain, number) {
  const run = { ...plain, number, boxes: plain.boxes.map(readBox) };
  run.stages = [];
  run.candidates = plain.candidates.map((one) => readCandidate(run, one));
  for (const candidate of run.candidates) {
    for (const exit of candidate.network.exits) if (!run.stages.includes(exit.name)) run.stages.push(exit.name);
  }
  run.stages.sort(byNumber);
  run.front = run.candidates
    .flatMap((candidate) => candidate.points)
    .filter((point) => point.isFront)
    .sort((a, b) => a.value(run.cost) - b.value(run.cost));
  return run;
}

// stage2 before stage10
function byNumber(a, b) {
  return a.localeCompare(b, "en", { numeric: true });
}

function readBox([words, width, size, isHead]) {
  return { words, width, size, isHead: !!isHead };
}

function readCandidate(run, plain) {
  const candidate = {
    run, plain, key: plain.k, sizes: plain.p, scores: plain.m, exitAccuracy: plain.x, bins: plain.b,
    reach: { macs: plain.r, ...plain.d }, order: plain.n, seed: plain.e, seconds: plain.s, epochs: plain.h, isInherited: !!plain.i, targetCheck: plain.v, link: plain.l,
    network: readNetwork(run.boxes, plain.a), curve: readCurve(plain.c, plain.r.length, run.scale),
  };
  candidate.points = plain.o.map(([budgetFraction, index, isFront, isFeasible, setting = ""], i) => ({
    candidate, budgetFraction, index, setting, isFront: !!isFront, isFeasible: !!isFeasible, policy: plain.t[i],
    value: (metric) => metricAt(candidate, index, metric),
  }));
  return candidate;
}

// Rows of the backbone, each with the exit behind it; "exits" are the early ones.
function readNetwork(boxes, [size, plainRows]) {
  const chosen = (indices) => indices.map((i) => boxes[i]);
  const rows = plainRows.map(([name, own, exit, exitBoxes]) => ({ name, boxes: chosen(own), exit: exit ? { name: exit, boxes: chosen(exitBoxes) } : null }));
  return { size, rows, exits: rows.filter((row) => row.exit && row.exit.name !== "final").map((row) => row.exit) };
}

// Rows of 16-bit counts: accuracy, then the exit rates; the last exit takes what the others leave.
function readCurve(text, exits, scale) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const counts = new DataView(bytes.buffer);
  const size = bytes.length / 2 / exits;
  const row = (i) => Float64Array.from({ length: size }, (_, j) => counts.getUint16(2 * (i * size + j), true) / scale);
  const rates = Array.from({ length: exits - 1 }, (_, i) => row(i + 1));
  const last = Float64Array.from({ length: size }, (_, j) => Math.max(0, 1 - rates.reduce((sum, rate) => sum + rate[j], 0)));
  return { size, accuracy: row(0), rates: [...rates, last] };
}

// A measured quantity of a candidate at one point of its curve; NaN where the run does not have it.
function metricAt(candidate, i, metric) {
  const { curve } = candidate;
  if (metric === "accuracy") return curve.accuracy[i];
  if (metric === "error") return 1 - curve.accuracy[i];
  if (metric in candidate.sizes) return candidate.sizes[metric];
  if (metric in candidate.scores) return candidate.scores[metric][i];
  const reach = candidate.reach[metric];
  if (!reach) return NaN;
  let sum = 0;
  for (let exit = 0; exit < reach.length; exit++) sum += curve.rates[exit][i] * reach[exit];
  return sum;
}

// The limits that a point of a curve breaks, in words.
function broken(candidate, i) {
  const found = [];
  for (const [metric, low, high] of candidate.run.bounds) {
    const value = metricAt(candidate, i, metric);
    if (low !== null && value < low) found.push(`${metricName(metric)} ≥ ${metricValue(metric, low)}`);
    if (high !== null && value > high) found.push(`${metricName(metric)} ≤ ${metricValue(metric, high)}`);
  }
  return found;
}

// Inherited subnets are told from trained networks where a run has both.
function isHollow(candidate) {
  return candidate.run.inherited !== null && candidate.isInherited;
}

function exitColour(candidate, i) {
  if (i >= candidate.network.exits.length) return "var(--exit-final)";
  return `var(--exit-${candidate.run.stages.indexOf(candidate.network.exits[i].name) % 6})`;
}

function runColour(run) {
  return `var(--run-${run.number % 6})`;
}
