// How the search went: hypervolume over trainings, or over candidates where some inherit, and how busy the workers were.

function progress() {
  const host = place("progress");
  if (!host) return;
  const runs = RUNS.filter((run) => run.generations.length);
  const work = RUNS.filter((run) => run.work);
  const parts = [];
  const what = runs.every((run) => run.trainings) ? "trainings" : "candidates";
  if (runs.length) parts.push(framed(`Hypervolume over ${what}`, (width) => hypervolumes(runs, what, width)));
  for (const run of work) parts.push(framed(`Busy workers over time${RUNS.length > 1 ? `: ${run.label}` : ""}`, (width) => busyWorkers(run, width)));
  host.replaceChildren(...parts);
}

function framed(title, draw) {
  const canvas = html("div", { class: "canvas" });
  responsive(canvas, (width) => canvas.replaceChildren(draw(width)));
  return html("figure", { class: "half" }, html("figcaption", {}, html("strong", {}, title)), canvas);
}

function hypervolumes(runs, what, width) {
  const last = Math.max(...runs.map((run) => run.generations.at(-1)[1]));
  const [low, high] = spread(runs.flatMap((run) => run.generations.map((one) => one[3])), false, 0.12);
  const whole = (value) => Number(value.toPrecision(6)).toLocaleString("en");
  const hasTopCandidates = runs.some((run) => run.finals);
  const title = `${what[0].toUpperCase()}${what.slice(1)}${hasTopCandidates ? " (failed ones too), then top-k candidates" : ", failed ones included"}`;
  const xAxis = { low: 0, high: last * 1.02 || 1, title, word: whole };
  const yAxis = { low: Math.max(0, low), high: Math.min(1, high), title: "Hypervolume", word: plainTick };
  const chart = figure(width, 250, xAxis, yAxis, "Hypervolume after every generation");
  for (const run of runs) {
    const at = run.generations.map(([, trainings, , volume]) => [chart.x(trainings), chart.y(volume)]);
    chart.area.append(svg("path", { class: "front-line", style: `stroke: ${runColour(run)}`, d: stepPath(at) }));
    run.generations.forEach(([number, trainings, failed, volume, points], i) => {
      const words = `${run.label}, generation ${number}: ${trainings} ${what}, ${failed} failed, hypervolume ${volume}, front of ${points}`;
      chart.top.append(svg("path", { d: MARKERS[run.number % 6], transform: `translate(${at[i].join(" ")}) scale(0.7)`, style: `fill: ${runColour(run)}` }, svg("title", {}, words)));
    });
  }
  if (runs.length > 1) {
    runs.forEach((run, i) => chart.top.append(svg("text", { class: "bound-word", style: `fill: ${runColour(run)}`, x: chart.inner.right - 4, y: chart.inner.bottom - 8 - 15 * i, "text-anchor": "end" }, run.label)));
  }
  return chart.root;
}

function busyWorkers(run, width) {
  const { busy, workers, seconds } = run.work;
  const unit = seconds > 7200 ? [3600, "hours"] : seconds > 180 ? [60, "minutes"] : [1, "seconds"];
  const xAxis = { low: 0, high: seconds / unit[0], title: `Time, pauses left out (${unit[1]})`, word: plainTick };
  const yAxis = { low: 0, high: workers * 1.08, title: "Workers", word: (value) => String(value), ticks: linearTicks(0, workers, Math.min(workers, 5)).filter(Number.isInteger) };
  const chart = figure(width, 250, xAxis, yAxis, `Busy workers over time: ${percent(run.work.share)} of ${workers}`);
  const at = busy.map((value, i) => [chart.x(((i + 0.5) / busy.length) * xAxis.high), chart.y(value)]);
  const ends = [[chart.x(0), chart.y(busy[0])], ...at, [chart.x(xAxis.high), chart.y(busy.at(-1))]];
  const area = `${linePath(ends)}V${chart.y(0)}H${chart.x(0)}Z`;
  chart.area.append(svg("path", { class: "busy", style: `fill: ${runColour(run)}`, d: area }), svg("path", { class: "front-line thin", style: `stroke: ${runColour(run)}`, d: linePath(ends) }));
  return chart.root;
}
