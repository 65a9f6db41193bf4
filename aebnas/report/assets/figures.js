"use strict";
(function () {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const isVariable = /^var\((--[a-z0-9-]+)\)$/;

  // A colour such as "var(--accent)" becomes the current theme's value.
  function themed(value, style) {
    if (typeof value === "string") {
      const match = isVariable.exec(value);
      return match ? style.getPropertyValue(match[1]).trim() : value;
    }
    if (Array.isArray(value)) return value.map((inner) => themed(inner, style));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, themed(inner, style)]));
    }
    return value;
  }

  const settings = {
    responsive: true,
    displayModeBar: matchMedia("(hover: hover)").matches ? "hover" : false,
    displaylogo: false,
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
    toImageButtonOptions: { format: "svg" },
  };

  function draw() {
    const style = getComputedStyle(document.documentElement);
    const isTouch = matchMedia("(pointer: coarse)").matches;
    for (const figure of figures) {
      const { data, layout } = themed(figure, style);
      if (isTouch) layout.dragmode = false; // a finger on a figure scrolls the page
      Plotly.react(figure.id, data, layout, settings);
    }
  }

  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
