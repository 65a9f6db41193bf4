// exits.html: accuracy over mean cost of every policy, one line with its interval each.

const STUDY = JSON.parse(place("study").textContent);
const DASHES = [null, "7 4", "2 3"];
const hidden = new Set();
let showsAll = false;

function policyLook(i) {
  return { colour: `var(--run-${i % 6})`, dash: DASHES[Math.floor(i / 6) % DASHES.length] };
}

function policies() {
  const canvas = html("div", { class: "canvas" });
  const redraw = responsive(canvas, (width) => canvas.replaceChildren(policyLines(width)));
  const buttons = STUDY.policies.map((policy, i) => policyButton(policy.name, i, update));
  function update() {
    buttons.forEach((one, i) => one.setAttribute("aria-pressed", String(!hidden.has(STUDY.policies[i].name))));
    redraw();
  }
  const range = toggle("Whole range", showsAll, (isOn) => ((showsAll = isOn), update()));
  const bar = html("div", { class: "bar", role: "group", "aria-label": "Policies shown" }, buttons, range);
  update();
  place("policies").replaceChildren(bar, canvas);
}

// A click hides a policy or shows it again; a double click, or Shift with a click or Enter, shows it alone.
function policyButton(name, i, update) {
  const { colour, dash } = policyLook(i);
  const line = svg("svg", { width: 26, height: 10, "aria-hidden": "true" }, svg("path", { d: "M1 5H25", style: `stroke: ${colour}; stroke-width: 2.5`, "stroke-dasharray": dash }));
  const click = (event) => {
    if (event.shiftKey || event.detail === 2) showAlone(name);
    else if (!hidden.delete(name)) hidden.add(name);
    update();
  };
  return html("button", { type: "button", class: "policy", onclick: click }, line, " ", name);
}

function showAlone(name) {
  const others = STUDY.policies.map((one) => one.name).filter((one) => one !== name);
  const isAlone = !hidden.has(name) && others.every((one) => hidden.has(one));
  hidden.clear();
  if (!isAlone) others.forEach((one) => hidden.add(one));
}

function policyLines(width) {
  const shown = STUDY.policies.map((one, i) => [one, i]).filter(([one]) => !hidden.has(one.name));
  const points = shown.flatMap(([one]) => one.curve);
  const [low, high] = showsAll ? spread(points.flatMap(([, , bottom, top]) => [bottom, top]), false) : STUDY.range;
  const percents = (value, digits) => `${Number((value * 100).toPrecision(digits))}%`;
  const [left, right] = spread(points.map(([cost]) => cost), false);
  const xAxis = { low: Math.max(0, left), high: right, title: "Mean cost, share of the full cost", word: percents };
  const yAxis = { low: Math.max(0, low), high: Math.min(1, high), title: "Accuracy on select", word: percents };
  const chart = figure(width, Math.max(320, Math.min(560, width * 0.6)), xAxis, yAxis, "Accuracy over mean cost of every policy");
  for (const [{ name, curve }, i] of shown) {
    const { colour, dash } = policyLook(i);
    const at = (index) => curve.map((point) => [chart.x(point[0]), chart.y(point[index])]);
    const interval = `${linePath([...at(3), ...at(2).reverse()])}Z`;
    chart.area.append(
      svg("path", { d: interval, style: `fill: ${colour}; fill-opacity: 0.1` }),
      svg("path", { class: "front-line", d: linePath(at(1)), style: `stroke: ${colour}`, "stroke-dasharray": dash }),
    );
    for (const [cost, accuracy, bottom, top] of curve) {
      const words = `${name}: ${percent(accuracy, 2)} (${(bottom * 100).toFixed(1)}–${(top * 100).toFixed(1)}) at ${percent(cost)} of the full cost`;
      chart.area.append(svg("circle", { cx: chart.x(cost), cy: chart.y(accuracy), r: 3, style: `fill: ${colour}` }, svg("title", {}, words)));
    }
  }
  return chart.root;
}
