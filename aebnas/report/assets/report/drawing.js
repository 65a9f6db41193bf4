// An architecture as a drawing: one band per segment, the backbone on the left, its exit on the right.

const ROW = 25;
const GAP = 5;

function drawing(candidate, width) {
  const bands = segmentsOf(candidate);
  const widest = Math.max(...bands.flatMap((band) => [...band.backbone, ...band.exit]).map((block) => block.width || 0));
  const column = (width - 46) / 2;
  const reach = candidate.reach.macs;
  const parts = [];
  let y = 0;
  parts.push(svg("text", { class: "note", x: 10, y: 12 }, `${candidate.network.size.join(" × ")} pixels`));
  y += 20;
  bands.forEach((band, i) => {
    const rows = Math.max(band.backbone.length, band.exit.length);
    const devices = Object.keys(candidate.reach).filter((metric) => metric !== "macs");
    const top = 46 + devices.length * 15;
    const height = top + rows * (ROW + GAP) + 6;
    const own = reach[i] - (reach[i - 1] || 0);
    parts.push(
      svg("rect", { class: "band", x: 0, y, width, height, rx: 6 }),
      svg("rect", { x: 0, y, width: 4, height, rx: 2, style: `fill: ${exitColour(candidate, i)}` }),
      svg("text", { class: "title", x: 14, y: y + 18 }, `${i + 1}: to ${band.name}`),
      svg("text", { class: "cost", x: width - 12, y: y + 18, "text-anchor": "end" }, `${si(own)} MACs, ${percent(own / reach.at(-1), 0)}`),
      ...devices.map((metric, n) => {
        const part = candidate.reach[metric][i] - (candidate.reach[metric][i - 1] || 0);
        const words = `${metricValue(metric, part)} ${metricName(metric).replace("expected ", "")}`;
        return svg("text", { class: "note", x: width - 12, y: y + 34 + n * 15, "text-anchor": "end" }, words);
      }),
      svg("rect", { class: "share-of", x: 14, y: y + top - 20, width: width - 26, height: 3 }),
      svg("rect", { class: "share", x: 14, y: y + top - 20, width: Math.max(1, ((width - 26) * own) / reach.at(-1)), height: 3 }),
    );
    const first = y + top - 6;
    band.backbone.forEach((block, n) => parts.push(blockBox(block, 14, first + n * (ROW + GAP), column, widest, false)));
    band.exit.forEach((block, n) => parts.push(blockBox(block, width - 12 - column, first + n * (ROW + GAP), column, widest, true)));
    if (band.exit.length) parts.push(elbow(14 + column, first + (band.backbone.length - 1) * (ROW + GAP) + ROW / 2, width - 12 - column, first + ROW / 2));
    y += height + 8;
  });
  const label = `Architecture of ${candidate.key}: ${formatArchitecture(candidate)}`;
  return svg("svg", { width, height: y, viewBox: `0 0 ${width} ${y}`, class: "figure drawing", role: "img", "aria-label": label }, parts);
}

// What runs between two exits.
function segmentsOf(candidate) {
  const bands = [];
  let backbone = [];
  for (const row of candidate.network.rows) {
    row.boxes.forEach((box, i) => backbone.push({ ...box, stage: i ? "" : row.name }));
    if (!row.exit) continue;
    const name = row.exit.name === "final" ? "the end" : `the exit after ${row.exit.name}`;
    bands.push({ name, backbone, exit: row.exit.boxes });
    backbone = [];
  }
  return bands;
}

function blockBox(block, x, y, width, widest, isExit) {
  const share = block.width ? Math.max(0.04, block.width / widest) : 1;
  const size = width > 190 ? shortSize(block.size) : "";
  const room = width - 12 - (size ? 30 : 0);
  const letters = block.words.length + (block.stage ? block.stage.length + 2 : 0);
  const squeezed = letters * 6.2 > room ? { textLength: room, lengthAdjust: "spacingAndGlyphs" } : {};
  return svg(
    "g", { class: block.isHead ? "block head" : isExit ? "block branch" : "block" },
    svg("rect", { class: "channels", x, y, width: width * share, height: ROW, rx: 3 }),
    svg("rect", { class: "frame", x, y, width, height: ROW, rx: 3 }),
    svg("text", { x: x + 7, y: y + 17, ...squeezed }, block.stage ? svg("tspan", { class: "stage-name" }, `${block.stage}  `) : null, block.words),
    size ? svg("text", { class: "note", x: x + width - 6, y: y + 17, "text-anchor": "end" }, size) : null,
    svg("title", {}, block.size.length ? `${block.words}: ${block.width} channels, ${block.size.join(" × ")} pixels out` : block.words),
  );
}

function elbow(fromX, fromY, toX, toY) {
  const middle = (fromX + toX) / 2;
  return svg("path", { class: "elbow", d: `M${fromX} ${fromY}H${middle}V${toY}H${toX - 2}m-5 -3.5l5 3.5l-5 3.5` });
}
