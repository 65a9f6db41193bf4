// How to train a candidate: the command, and its winner file as YAML.

function recipe(candidate) {
  const command = `aebnas train ${candidate.run.path} --pick ${candidate.key}`;
  const isComplete = candidate.points.every((point) => point.policy !== null);
  const text = () => winnerYaml(candidate);
  const file = html("pre", { tabindex: 0, "aria-label": `YAML of ${candidate.key}` });
  const shown = html("details", { class: "yaml", ontoggle: () => (file.textContent = text()) }, html("summary", {}, "YAML"), file);
  const why = "Its exit policy is too large for this page: the command above reads it from the run.";
  return [
    html("div", { class: "command" }, html("code", {}, command), copyButton("the command", () => command)),
    isComplete
      ? html("div", { class: "yaml-row" }, shown, copyButton("the YAML", text))
      : html("p", { class: "quiet" }, why),
  ];
}

// A scalar as JSON writes it, which YAML reads alike; floats keep their point.
function scalar(value) {
  return JSON.stringify(value);
}

function flow(entries) {
  return `{${entries.map(([name, value]) => `${name}: ${value}`).join(", ")}}`;
}

function asFloat(value) {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

function layerYaml(layer) {
  const { type, kernel, width, stride, expansion, se, activation, pool } = layer;
  return flow([
    ["type", type], ["kernel", kernel], ["width", width], ["stride", stride], ["expansion", asFloat(expansion)],
    ["se", se], ["activation", activation], ["pool", pool],
  ]);
}

function chainYaml(layers, indent) {
  return layers.length ? layers.map((layer) => `\n${indent}- ${layerYaml(layer)}`).join("") : " []";
}

function pointYaml(candidate, point) {
  const { curve, run } = candidate;
  const isThresholds = Array.isArray(point.policy);
  const policy = isThresholds ? { policy: "threshold", score: run.score, thresholds: point.policy } : point.policy;
  const rates = curve.rates.map((rate) => Number(rate[point.index].toPrecision(9)));
  return [
    `- trade_off: ${asFloat(point.tradeOff)}`,
    `  thresholds: ${isThresholds ? scalar(point.policy) : "null"}`,
    `  policy: ${scalar(policy)}`,
    `  setting: ${scalar(point.setting)}`,
    `  exit_rates: ${scalar(rates)}`,
    `  accuracy: ${Number(point.value("accuracy").toPrecision(9))}`,
    `  macs: ${Number(point.value("macs").toPrecision(9))}`,
    `  worst_macs: ${candidate.reach.macs.at(-1)}`,
  ].join("\n");
}

function winnerYaml(candidate) {
  const { network, run } = candidate;
  const onFront = candidate.points.filter((point) => point.isFront);
  const [expand, features, activation] = network.final;
  const stem = flow([["kernel", network.stem.kernel], ["stride", network.stem.stride], ["width", network.stem.width], ["activation", network.stem.activation]]);
  return [
    "# One architecture of a search. Read it back: aebnas.report.load_winner(THIS_FILE).architecture",
    run.yaml.trimEnd(),
    `key: ${scalar(candidate.key)}`,
    `training_seed: ${candidate.seed}`,
    ...(!run.uneven && !run.inherits ? [] : [`weights: ${candidate.isInherited ? "inherited" : "trained"}`, `epochs: ${scalar(candidate.epochs)}`]),
    "points:",
    ...(onFront.length ? onFront : candidate.points).map((point) => pointYaml(candidate, point)),
    "architecture:",
    `  resolution: ${network.resolution}`,
    `  stem: ${stem}`,
    "  stages:",
    ...network.stages.map(({ name, layers }) => `  - name: ${name}\n    blocks:${chainYaml(layers, "    ")}`),
    network.exits.length ? "  exits:" : "  exits: []",
    ...network.exits.map(({ name, layers }) => `  - after: ${name}\n    modules:${chainYaml(layers, "    ")}`),
    `  final: ${flow([["expand", expand], ["features", features], ["activation", activation]])}`,
    "",
  ].join("\n");
}
