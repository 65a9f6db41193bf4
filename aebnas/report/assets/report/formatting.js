// Numbers in words, as aebnas/runs/formatting.py writes them.

const NO_BREAK = "\u00a0";
const PREFIXES = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];

function threeDigits(value) {
  const whole = String(Math.round(Math.abs(value))).length;
  return value.toFixed(Math.max(0, 3 - whole));
}

function si(value) {
  for (const [scale, prefix] of PREFIXES) {
    if (Math.abs(value) >= scale * 0.9995) return threeDigits(value / scale) + NO_BREAK + prefix;
  }
  return Number.isInteger(value) ? String(value) : threeDigits(value);
}

function percent(share, digits = 1) {
  return `${(share * 100).toFixed(digits)}%`;
}

function isShare(metric) {
  return DATA.metrics[metric].share;
}

// The share of right answers or its rest: each says the other, and both have the same interval.
function isRightness(metric) {
  return metric === "accuracy" || metric === "error";
}

function metricValue(metric, value) {
  if (isShare(metric)) return percent(value, 2);
  const unit = DATA.metrics[metric].unit;
  return unit ? `${Number(value.toPrecision(3))}${NO_BREAK}${unit}` : si(value);
}

function metricName(metric) {
  return DATA.metrics[metric].name;
}

function axisTitle(metric) {
  return DATA.metrics[metric].title + DATA.metrics[metric].axis;
}

// What stands at a tick: short, without the unit that the axis names.
function tickWord(metric) {
  if (isShare(metric)) return (value, digits) => `${Number((value * 100).toPrecision(digits))}%`;
  if (DATA.metrics[metric].unit) return plainTick;
  return siTick;
}

function plainTick(value, digits) {
  return String(Number(value.toPrecision(digits)));
}

function siTick(value, digits) {
  for (const [scale, prefix] of PREFIXES) {
    if (value >= scale * 0.9995) return `${Number((value / scale).toPrecision(digits))}${NO_BREAK}${prefix}`;
  }
  return plainTick(value, digits);
}

// The 95% Wilson interval of a share, as aebnas/runs/intervals.py has it.
function wilson(share, images) {
  const z = 1.959963984540054;
  const weight = (z * z) / images;
  const centre = (share + weight / 2) / (1 + weight);
  const half = (z / (1 + weight)) * Math.sqrt((share * (1 - share)) / images + weight / (4 * images));
  return [Math.max(0, Math.min(share, centre - half)), Math.min(1, Math.max(share, centre + half))];
}

function interval(share, images) {
  if (!images) return "–";
  return wilson(share, images).map((bound) => (bound * 100).toFixed(1)).join("–");
}

// 16² for 16 x 16 pixels, 24×32 for others; nothing for what has no size.
function shortSize(size) {
  return new Set(size).size === 1 ? `${size[0]}²` : size.join("×");
}

// Boxes in order, equal neighbours counted.
function formatChain(boxes) {
  const found = [];
  for (const { words } of boxes) {
    if (found.length && found.at(-1)[0] === words) found.at(-1)[1] += 1;
    else found.push([words, 1]);
  }
  return found.map(([words, times]) => (times > 1 ? `${times}×${words}` : words)).join(", ");
}

// As aebnas/space/drawing.py has it.
function formatArchitecture(candidate) {
  const { size, rows } = candidate.network;
  const pixels = new Set(size).size === 1 ? size[0] : size.join(" × ");
  const named = rows.slice(1).filter((row) => row.name).map(({ name, boxes, exit }) => {
    const modules = exit && exit.name !== "final" ? exit.boxes.filter((box) => !box.isHead) : null;
    return `${name}: ${formatChain(boxes)}${modules ? ` ⇥ exit ${formatChain(modules) || "directly"}` : ""}`;
  });
  return [`${pixels} px, ${formatChain(rows[0].boxes)}`, ...named].join("; ");
}

function epochsWord(epochs) {
  return String(epochs || "inherited");
}

// How a candidate came by its weights; nothing where all are trained alike.
function formatWeights({ run, epochs, isInherited }) {
  if (!run.uneven && run.trainings) return "";
  if (!epochs) return "as inherited, ";
  return `${isInherited ? "fine-tuned " : ""}${epochs} epoch${epochs === 1 ? "" : "s"}, `;
}

function exitName(candidate, i) {
  return i < candidate.network.exits.length ? candidate.network.exits[i].name : "final";
}
