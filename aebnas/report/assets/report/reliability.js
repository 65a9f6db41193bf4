// Does the confidence of an exit match its accuracy?  Confidence against accuracy, bins sized by their images.

const BINS = 15;

function reliabilityFigures(candidate, width) {
  if (!candidate.bins.length) return html("p", { class: "quiet" }, "The run holds no scores of this candidate.");
  const columns = Math.max(1, Math.min(candidate.bins.length, Math.floor(width / 156)));
  const each = Math.min(250, Math.floor((width - (columns - 1) * 12) / columns));
  return html("div", { class: "small-figures" }, candidate.bins.map((bins, i) => diagram(candidate, bins, i, each)));
}

function diagram(candidate, [counts, confidence, accuracy, error, calibrateError], exit, width) {
  const axis = { low: 0, high: 1, ticks: [0, 0.5, 1], word: (value) => percent(value, 0) };
  const name = exitName(candidate, exit);
  const label = `Reliability of ${name}: accuracy over confidence, calibration error ${percent(error)}`;
  const chart = figure(width, Math.min(200, width), { ...axis, title: "confidence" }, axis, label, true);
  const most = Math.max(...counts);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const filled = counts.map((count, i) => [count, i]).filter(([count]) => count);
  chart.area.append(svg("path", { class: "diagonal", d: linePath([[chart.x(0), chart.y(0)], [chart.x(1), chart.y(1)]]) }));
  filled.forEach(([count, bin], n) => {
    const [at, mean, right] = [chart.x(bin / BINS) + 1, confidence[n] / 1000, accuracy[n] / 1000];
    const box = { x: at, width: Math.max(1, chart.x((bin + 1) / BINS) - at - 1), y: chart.y(right), height: chart.y(0) - chart.y(right) };
    const words = `${count} images: confidence ${percent(mean)}, accuracy ${percent(right)}`;
    const strength = 0.2 + 0.8 * Math.sqrt(count / most);
    chart.area.append(svg("rect", { class: "bin", ...box, style: `fill: ${exitColour(candidate, exit)}; fill-opacity: ${strength.toFixed(2)}` }, svg("title", {}, words)));
  });
  const text = calibrateError === null ? "" : ` (calibrate ${percent(calibrateError)})`;
  return html(
    "figure", { class: "small-figure" },
    html("figcaption", {}, html("strong", {}, name === "final" ? "Final classifier" : `Exit after ${name}`), html("br"), `error ${percent(error)}${text}`),
    chart.root,
    html("span", { class: "visually-hidden" }, `${total} images`),
  );
}
