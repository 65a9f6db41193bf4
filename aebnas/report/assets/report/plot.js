// Figures with two axes, as SVG: vector in print, themed by the style sheet.

// Ticks at 1, 2, 2.5 or 5 times a power of ten.
function linearTicks(low, high, count) {
  const raw = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw || 1));
  const steps = [1, 2, 2.5, 5, 10].map((factor) => factor * power);
  const step = steps.find((one) => one >= raw * 0.999) || raw || 1;
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) found.push(i * step);
  return found;
}

function logTicks(low, high, count) {
  for (const factors of [[1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 5, 7]].reverse()) {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++) {
      for (const factor of factors) {
        const value = factor * 10 ** power;
        if (value >= low * 0.999 && value <= high * 1.001) found.push(value);
      }
    }
    if (found.length >= 2 && found.length <= count + 1) return found;
  }
  return linearTicks(low, high, count).filter((value) => value > 0);
}

function scale(axis, from, to) {
  const map = axis.isLog ? Math.log : (value) => value;
  const low = map(axis.low);
  const span = map(axis.high) - low || 1;
  return (value) => from + ((map(value) - low) / span) * (to - from);
}

// Low and high of values with a margin; both ends differ.
function spread(values, isLog, margin = 0.04) {
  const known = values.filter((value) => Number.isFinite(value) && (!isLog || value > 0));
  if (!known.length) return isLog ? [1, 10] : [0, 1];
  const low = known.reduce((a, b) => Math.min(a, b));
  const high = known.reduce((a, b) => Math.max(a, b));
  if (isLog) {
    const factor = Math.max((high / low) ** margin, 1.02);
    return [low / factor, high * factor];
  }
  const step = (high - low || Math.abs(high) || 1) * margin;
  return [low - step, high + step];
}

let clips = 0;

// A figure: `root` to show, `area` (clipped) and `top` (not clipped) to draw into, scales `x` and `y`.
// Axes are {low, high, isLog, title, ticks, word(value, digits)}.
function figure(width, height, xAxis, yAxis, label, small = false) {
  const left = small ? 48 : 58;
  const margin = { left, right: small ? 20 : 14, top: 10, bottom: xAxis.title ? (small ? 36 : 46) : 24 };
  const x = scale(xAxis, margin.left, width - margin.right);
  const y = scale(yAxis, height - margin.bottom, margin.top);
  const inner = { left: margin.left, right: width - margin.right, top: margin.top, bottom: height - margin.bottom };
  const clip = `clip-${(clips += 1)}`;
  const area = svg("g", { "clip-path": `url(#${clip})` });
  const top = svg("g");
  const ticks = (axis, count) => (axis.isLog ? logTicks : linearTicks)(axis.low, axis.high, count);
  const grid = [];
  for (const [value, word] of axisTicks(xAxis, ticks, (inner.right - inner.left) / (small ? 60 : 78))) {
    const at = x(value);
    grid.push(svg("line", { class: "grid", x1: at, x2: at, y1: inner.top, y2: inner.bottom }));
    grid.push(svg("text", { class: "tick", x: at, y: inner.bottom + 15, "text-anchor": "middle" }, word));
  }
  for (const [value, word] of axisTicks(yAxis, ticks, (inner.bottom - inner.top) / (small ? 30 : 36))) {
    const at = y(value);
    grid.push(svg("line", { class: "grid", x1: inner.left, x2: inner.right, y1: at, y2: at }));
    grid.push(svg("text", { class: "tick", x: inner.left - 6, y: at + 4, "text-anchor": "end" }, word));
  }
  const middle = (inner.left + inner.right) / 2;
  const root = svg(
    "svg",
    { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": label, class: "figure" },
    svg("clipPath", { id: clip }, svg("rect", { x: inner.left, y: inner.top - 6, width: inner.right - inner.left + 8, height: inner.bottom - inner.top + 6 })),
    grid,
    xAxis.title ? svg("text", { class: "axis", x: middle, y: height - 6, "text-anchor": "middle" }, xAxis.title) : null,
    yAxis.title
      ? svg("text", { class: "axis", x: 0, y: 0, "text-anchor": "middle", transform: `translate(13 ${(inner.top + inner.bottom) / 2}) rotate(-90)` }, yAxis.title)
      : null,
    area,
    top,
  );
  return { root, area, top, x, y, inner };
}

// Ticks with their words, of as many digits as tell them apart.
function axisTicks(axis, ticks, count) {
  const values = axis.ticks || ticks(axis, Math.max(2, Math.floor(count)));
  for (let digits = 3; ; digits++) {
    const words = values.map((value) => axis.word(value, digits));
    if (digits === 7 || new Set(words).size === words.length) return values.map((value, i) => [value, words[i]]);
  }
}

function linePath(pairs) {
  return pairs.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

function stepPath(pairs) {
  return pairs
    .map(([x, y], i) => (i ? `H${x.toFixed(1)}V${y.toFixed(1)}` : `M${x.toFixed(1)} ${y.toFixed(1)}`))
    .join("");
}

// A marker path around the origin; runs differ in shape, not in colour alone.
const MARKERS = [
  "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0Z", "M0 -6.5L6.5 0L0 6.5L-6.5 0Z", "M-4.7 -4.7h9.4v9.4h-9.4Z",
  "M0 -6.2L5.8 4.4H-5.8Z", "M0 6.2L5.8 -4.4H-5.8Z", "M-6 -2H-2V-6H2V-2H6V2H2V6H-2V2H-6Z",
];

// Redraws where a figure's place has changed its width.
function responsive(host, draw) {
  let width = 0;
  const measure = () => {
    const now = Math.floor(host.clientWidth);
    if (now && now !== width) draw((width = now));
  };
  // in a frame of its own: drawing inside the observer would change what it observes
  new ResizeObserver(() => requestAnimationFrame(measure)).observe(host);
  requestAnimationFrame(measure);
  return () => width && draw(width);
}
