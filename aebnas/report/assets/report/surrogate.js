// What a surrogate predicted, against what was observed.

function surrogates() {
  RUNS.forEach((run, i) => {
    const host = place(`surrogate-${i}`);
    if (host && run.predictions.length) host.replaceChildren(framed("Error predicted before training, and as it was observed", (width) => predictions(run.predictions, width)));
  });
}

function predictions(text, width) {
  const [low, high] = spread(text.flatMap(([, , , predicted, observed]) => [predicted, observed]), false);
  const axis = { low, high, word: (value, digits) => percent(value, Math.max(0, digits - 3)) };
  const chart = figure(width, 330, { ...axis, title: "Predicted" }, { ...axis, title: "Observed" }, "Error predicted before training against error observed");
  chart.area.append(svg("path", { class: "diagonal", d: linePath([[chart.x(low), chart.y(low)], [chart.x(high), chart.y(high)]]) }));
  const sources = [...new Set(text.map(([, , source]) => source))];
  for (const [generation, key, source, predicted, observed] of text) {
    const kind = sources.indexOf(source);
    const words = `${key}, generation ${generation}, ${source}: predicted ${percent(predicted)}, observed ${percent(observed)}`;
    chart.area.append(svg("path", { d: MARKERS[kind], transform: `translate(${chart.x(predicted)} ${chart.y(observed)}) scale(0.8)`, style: `fill: var(--exit-${kind})` }, svg("title", {}, words)));
  }
  sources.forEach((source, kind) => chart.top.append(svg("text", { class: "bound-word", style: `fill: var(--exit-${kind})`, x: chart.inner.right - 4, y: chart.inner.bottom - 8 - 15 * kind, "text-anchor": "end" }, source)));
  return chart.root;
}
