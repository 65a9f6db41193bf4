// Predicted against measured latency of the networks that a profile was checked on.

function latency() {
  const host = place("latency");
  if (!host) return;
  const seen = new Set();
  const checks = RUNS.flatMap((run) => run.latency).filter(([profile]) => !seen.has(profile) && seen.add(profile));
  host.replaceChildren(
    ...checks.map(([profile, device, error, points]) =>
      framed(`${profile}: ${device}${error === null ? "" : `, mean error ${percent(error)}`}`, (width) => predictions(points, width)),
    ),
  );
}

function predictions(points, width) {
  const values = points.flatMap(([measured, predicted]) => [measured, predicted]);
  const [low, high] = spread(values, true);
  const axis = { low, high, isLog: true, word: plainTick };
  const chart = figure(width, 330, { ...axis, title: "Measured (ms), log" }, { ...axis, title: "Predicted (ms), log" }, "Predicted against measured milliseconds to an exit");
  chart.area.append(svg("path", { class: "diagonal", d: linePath([[chart.x(low), chart.y(low)], [chart.x(high), chart.y(high)]]) }));
  for (const [measured, predicted, exit, isSeen] of points) {
    const words = `exit ${exit}: ${measured} ms measured, ${predicted} ms predicted${isSeen ? ", used to fit the profile" : ""}`;
    const colour = `var(--exit-${(exit - 1) % 6})`;
    const look = isSeen ? `fill: none; stroke: ${colour}` : `fill: ${colour}`;
    chart.area.append(svg("circle", { cx: chart.x(measured), cy: chart.y(predicted), r: 4, style: look }, svg("title", {}, words)));
  }
  return chart.root;
}
