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

// What follows a key: a value on the line, or lines of their own.
function yamlAfter(value, indent) {
  const isPlain = (one) => typeof one !== "object" || one === null;
  if (isPlain(value)) return ` ${scalar(value)}`;
  const values = Object.values(value);
  if (Array.isArray(value) && values.every(isPlain)) return ` [${value.map(scalar).join(", ")}]`;
  if (Array.isArray(value)) return value.map((item) => `\n${indent}-${yamlAfter(item, `${indent}  `).replace(/^\n */, " ")}`).join("");
  const entries = Object.entries(value);
  if (values.every(isPlain)) return ` ${flow(entries.map(([name, one]) => [name, scalar(one)]))}`;
  return entries.map(([name, one]) => `\n${indent}${name}:${yamlAfter(one, `${indent}  `)}`).join("");
}

// A description with its parts in place of their numbers.
function unpacked(value, parts) {
  if (typeof value === "string" && value.startsWith("@")) return parts[Number(value.slice(1))];
  if (Array.isArray(value)) return value.map((item) => unpacked(item, parts));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, unpacked(item, parts)]));
}

function pointYaml(candidate, point) {
  const { curve, run } = candidate;
  const isThresholds = Array.isArray(point.policy);
  const policy = isThresholds ? { policy: "threshold", score: run.score, thresholds: point.policy } : point.policy;
  const rates = curve.rates.map((rate) => Number(rate[point.index].toPrecision(9)));
  return [
    `- budget_fraction: ${asFloat(point.budgetFraction)}`,
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
  const { run } = candidate;
  const onFront = candidate.points.filter((point) => point.isFront);
  return [
    "# One architecture of a search. Read it back: aebnas.report.load_winner(THIS_FILE).architecture",
    run.yaml.trimEnd(),
    `key: ${scalar(candidate.key)}`,
    `training_seed: ${candidate.seed}`,
    ...(!run.uneven && run.trainings ? [] : [`weights: ${candidate.isInherited ? "inherited" : "trained"}`, `epochs: ${scalar(candidate.epochs)}`]),
    "points:",
    ...(onFront.length ? onFront : candidate.points).map((point) => pointYaml(candidate, point)),
    `architecture:${yamlAfter(unpacked(candidate.plain.y, run.parts), "  ")}`,
    "",
  ].join("\n");
}
