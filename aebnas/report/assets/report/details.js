// The selected networks in full: drawing, reliability of the exits, how to train them.

function details() {
  const host = place("details");
  if (!host || !POINTS.length) return;
  const columns = html("div", { class: "columns" });
  const redraw = responsive(columns, () => show(columns));
  watch((change) => change === "pick" && redraw());
  host.replaceChildren(columns);
}

function show(columns) {
  const chosen = STATE.picks.map((one, slot) => ({ one, slot })).filter(({ one }) => one);
  const isWide = columns.clientWidth > 860;
  columns.className = `columns ${isWide && chosen.length === 2 ? "two" : isWide ? "split" : "narrow"}`;
  const width = isWide ? Math.floor((columns.clientWidth - 32) / 2) : columns.clientWidth;
  columns.replaceChildren(...chosen.map(({ one, slot }) => column(one.candidate, slot, width)));
}

function column(candidate, slot, width) {
  const title = html("h3", {}, html("span", { class: `letter-badge pick-${slot}` }, LETTERS[slot]), html("code", {}, candidate.key));
  const run = RUNS.length > 1 ? `${candidate.run.label}, ` : "";
  const thinned = candidate.curve.size < candidate.plain.w ? `; ${candidate.curve.size} of ${candidate.plain.w} points of its curve are on this page` : "";
  const what = candidate.run.trainings ? "training" : "candidate";
  const metadata = `${run}${what} ${candidate.order} of ${candidate.run.done}, ${formatWeights(candidate)}${Number(candidate.seconds.toPrecision(3))} s${thinned}`;
  return html(
    "article", { class: "candidate" },
    html("div", {}, title, html("p", { class: "quiet" }, metadata, candidate.link ? ["; ", html("a", { href: candidate.link }, "winner file")] : null), candidate.targetCheck ? html("p", { class: "quiet" }, `Target: ${candidate.targetCheck}`) : null, drawing(candidate, width)),
    html(
      "div", {},
      html("h4", {}, "Train it"), recipe(candidate),
      html("h4", {}, "Does the confidence of an exit match its accuracy?"),
      reliabilityFigures(candidate, width),
      html("p", { class: "caption" }, "Accuracy over confidence on select if the exit answered every image, in 15 bins, stronger where more images lie; on the diagonal they agree. Error: expected calibration error."),
    ),
  );
}
