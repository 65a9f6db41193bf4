// Static networks beside the front: what there is without early exits. Kinds differ in shape, and all are
// hollow in the colour of text, so that no colour has to be told from another; larger than points of the
// front, which they may lie behind.

const STATIC_MARKERS = {
  alone: "M-7 -7h14v14h-14Z",
  cut_short: "M0 8.6L8 -5.4H-8Z",
  cascade: "M0 -9.5L9.5 0L0 9.5L-9.5 0Z",
};
const STATIC_WORDS = { alone: "network without exits", cut_short: "network cut short behind an exit", cascade: "cascade of networks" };

const STATIC = RUNS.flatMap((run) => {
  const networks = run.static ? run.static.networks : [];
  return networks.map(([kind, text, accuracy, costs, isCorner]) => ({
    run, kind, text, isCorner: !!isCorner, value: (metric) => staticValue(accuracy, costs, metric),
  }));
});

// A static network costs every image the same, at worst too; a cascade has no worst cost here.
function staticValue(accuracy, costs, metric) {
  if (metric === "accuracy") return accuracy;
  if (metric === "error") return 1 - accuracy;
  return costs[metric] ?? NaN;
}

function shownStatic() {
  return STATIC.filter((network) => Number.isFinite(network.value(FRONT.x)) && Number.isFinite(network.value(FRONT.y)));
}

function staticLegend() {
  return Object.keys(STATIC_MARKERS)
    .filter((kind) => STATIC.some((network) => network.kind === kind))
    .map((kind) => {
      const mark = svg("svg", { viewBox: "-11 -11 22 22", class: "key" }, svg("path", { d: STATIC_MARKERS[kind], class: "static" }));
      return html("li", {}, mark, STATIC_WORDS[kind]);
    });
}

function drawStatic(chart) {
  for (const run of RUNS) {
    const own = shownStatic().filter((network) => network.run === run);
    if (run.static && FRONT.x === run.static.cost && FRONT.y === "accuracy") drawStaticCurve(chart, own.filter((network) => network.isCorner));
    for (const network of own) {
      const [x, y] = [chart.x(network.value(FRONT.x)), chart.y(network.value(FRONT.y))];
      if (!Number.isFinite(x + y) || !inside(chart.inner, x, y)) continue;
      const words = `${network.text}: ${percent(network.value("accuracy"), 2)} accuracy, ${metricValue(FRONT.x, network.value(FRONT.x))}`;
      const place = { transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})` };
      chart.area.append(svg("path", { class: "static", d: STATIC_MARKERS[network.kind], ...place }, svg("title", {}, words)));
    }
  }
}

// Between two corners: each answers a share of the images. A logarithmic axis bends the line.
function drawStaticCurve(chart, corners) {
  const pairs = [];
  corners.forEach((corner, i) => {
    const before = corners[i - 1] || corner;
    for (let step = 1; step <= 20; step++) {
      const at = (metric) => before.value(metric) + ((corner.value(metric) - before.value(metric)) * step) / 20;
      pairs.push([chart.x(at(FRONT.x)), chart.y(at(FRONT.y))]);
    }
  });
  if (pairs.length) pairs.push([chart.inner.right, pairs[pairs.length - 1][1]]);
  chart.area.append(svg("path", { class: "static-curve", d: linePath(pairs) }));
}
