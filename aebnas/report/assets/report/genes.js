// Which choices the front prefers: the share of every value there, and among all candidates.

const GENES_SHOWN = 12;

function genes() {
  const host = place("genes");
  if (!host) return;
  host.replaceChildren(
    ...RUNS.filter((run) => run.genes.length).flatMap((run) => {
      const first = run.genes.slice(0, GENES_SHOWN);
      const rest = run.genes.slice(GENES_SHOWN);
      const grid = (list) => html("div", { class: "genes" }, list.map(geneShares(run)));
      return [
        RUNS.length > 1 ? html("h3", {}, run.label) : null,
        grid(first),
        rest.length ? html("details", {}, html("summary", {}, `${rest.length} more genes`), grid(rest)) : null,
      ].filter(Boolean);
    }),
  );
}

const geneShares = (run) => ([name, choices, front, everywhere]) => {
  const sum = (counts) => counts.reduce((a, b) => a + b, 0);
  const [onFront, all] = [sum(front), sum(everywhere)];
  const rows = choices.map((choice, i) => {
    const here = onFront ? front[i] / onFront : 0;
    const there = all ? everywhere[i] / all : 0;
    return html(
      "tr", {},
      html("th", { scope: "row" }, choice),
      html("td", { class: "pair" }, html("span", { class: "rate", style: `--share: ${here}; --colour: ${runColour(run)}` }), html("span", { class: "rate everywhere", style: `--share: ${there}; --colour: var(--muted-mark)` })),
      html("td", { class: "number" }, onFront ? percent(here, 0) : "–"),
      html("td", { class: "number quiet" }, percent(there, 0)),
    );
  });
  const what = name === "budget_fraction" ? ["points", "points"] : ["networks", "networks"];
  const head = html("tr", {}, html("td", { colspan: 2 }), html("th", { scope: "col", class: "number" }, "front"), html("th", { scope: "col", class: "number" }, "all"));
  const caption = html("caption", {}, html("strong", {}, name), html("span", { class: "quiet" }, ` ${onFront} of ${all} ${what[0]}`));
  return html("table", { class: "gene" }, caption, html("thead", {}, head), html("tbody", {}, rows));
};
