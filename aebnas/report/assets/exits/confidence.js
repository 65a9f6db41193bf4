// exits.html: does the confidence of an exit match its accuracy?  As trained, and after temperature scaling.

const SCALINGS = [["plain", "as trained"], ["scaled", "after temperature scaling"]];

function confidences() {
  const canvas = html("div", { class: "canvas" });
  const key = SCALINGS.map(([, words], i) => html("li", {}, html("span", { class: `swatch run-${i}` }), words));
  responsive(canvas, (width) => {
    const columns = Math.max(1, Math.min(3, STUDY.exits.length, Math.floor(width / 260)));
    const each = Math.floor((width - (columns - 1) * 12) / columns);
    canvas.replaceChildren(html("div", { class: "small-figures" }, STUDY.exits.map((exit) => confidenceFigure(exit, each))));
  });
  place("reliability").replaceChildren(html("ul", { class: "legend" }, key), canvas);
}

function confidenceFigure(exit, width) {
  const axis = { low: 0, high: 1.02, ticks: [0, 0.25, 0.5, 0.75, 1], word: (value) => percent(value, 0) };
  const chart = figure(width, Math.min(330, width), { ...axis, title: "Confidence" }, { ...axis, title: "Accuracy" }, `Accuracy over confidence of ${exit.name}`, true);
  chart.area.append(svg("path", { class: "diagonal", d: linePath([[chart.x(0), chart.y(0)], [chart.x(1), chart.y(1)]]) }));
  SCALINGS.forEach(([field, words], i) => {
    const bins = exit[field];
    const most = Math.max(1, ...bins.map(([, , count]) => count));
    const style = `stroke: var(--run-${i})`;
    chart.area.append(svg("path", { class: "front-line thin", style, d: linePath(bins.map(([confidence, right]) => [chart.x(confidence), chart.y(right)])) }));
    for (const [confidence, right, count] of bins) {
      const text = `${words}: ${count.toLocaleString("en")} images, confidence ${percent(confidence)}, accuracy ${percent(right)}`;
      const size = (0.5 + 0.7 * Math.sqrt(count / most)).toFixed(2);
      chart.area.append(svg("path", { d: MARKERS[i], transform: `translate(${chart.x(confidence).toFixed(1)} ${chart.y(right).toFixed(1)}) scale(${size})`, style: `fill: var(--run-${i})` }, svg("title", {}, text)));
    }
  });
  return html("figure", { class: "small-figure" }, html("figcaption", {}, html("strong", {}, exit.name)), chart.root);
}
