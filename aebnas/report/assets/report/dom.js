// Elements.  Strings become text nodes, so nothing from a run can turn into markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

function html(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function place(id) {
  return document.getElementById(id);
}

function button(text, action, attributes) {
  return html("button", { type: "button", onclick: action, ...attributes }, text);
}

function choice(label, options, value, change) {
  const select = html(
    "select",
    { onchange: () => change(select.value) },
    options.map(([name, text]) => html("option", { value: name, selected: name === value }, text)),
  );
  return html("label", { class: "field" }, html("span", {}, label), select);
}

function toggle(label, isOn, change) {
  const box = html("input", { type: "checkbox", onchange: () => change(box.checked) });
  box.checked = isOn;
  return html("label", { class: "toggle" }, box, html("span", {}, label));
}

// A button that copies what `text()` returns; file:// pages may lack the clipboard interface.
function copyButton(what, text) {
  const copied = html("span", { class: "copied", role: "status" });
  const done = (isDone) => {
    copied.textContent = isDone ? "copied" : "press Ctrl+C";
    setTimeout(() => (copied.textContent = ""), 2500);
  };
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
      done(true);
    } catch {
      const area = html("textarea", { class: "hidden-copy", readonly: true });
      area.value = text();
      document.body.append(area);
      area.select();
      done(document.execCommand("copy"));
      area.remove();
    }
  };
  return html("span", { class: "copy" }, button("Copy", copy, { "aria-label": `Copy ${what}` }), copied);
}
