// What was measured of both photos, as paired bars.

import { find, make, segments, style } from "./dom.js";
import { percent, STATISTICS } from "./words.js";

const ALIKE = 0.05; // a smaller share of difference is not worth a word

export function showMeasures({ features: { a, b }, id, provenance, timings_ms: { total } }) {
  const rows = make("div", { class: "bars" });
  const fill = (view) => rows.replaceChildren(...Object.entries(STATISTICS).map(([name, what]) => row(what, a[view][name], b[view][name])));
  const choice = segments("view", "Measured in", [["crop_view", "Close-up"], ["global_view", "Whole photo"]], fill);
  find("measures").replaceChildren(make("div", { class: "heading" }, make("h2", {}, "Measured"), choice), rows,
    make("p", { class: "small" }, `Judged in ${(total / 1000).toFixed(1)} s by release ${provenance.release}. Answer ${id.slice(0, 8)}.`));
  find("measures").hidden = false;
  fill("crop_view");
}

function row(what, a, b) {
  const most = Math.max(a, b) || 1;
  const better = sayBetter(what, a, b);
  const bar = (side, value) => [
    make("span", {}, side),
    make("span", { "aria-hidden": "true" }, style(make("span", { class: `bar ${better?.side === side ? "better" : ""}` }), { "--length": `${(100 * value) / most}%` })),
    make("span", { class: "value" }, show(what, value)),
  ];
  return make("div", { class: "measure small" },
    make("h3", {}, what.name, make("span", { class: "word" }, better ? `${better.word}: ${better.side}` : "")), ...bar("A", a), ...bar("B", b));
}

function sayBetter({ more, less, share }, a, b) {
  const word = more ?? less;
  if (!word || Math.abs(a - b) <= ALIKE * Math.max(a, b) || (share && Math.abs(a - b) < 0.001)) return null;
  return { word, side: a > b === Boolean(more) ? "A" : "B" };
}

const show = ({ share, digits = 0 }, value) => (share ? percent(value) : value.toLocaleString("en", { maximumFractionDigits: digits, minimumFractionDigits: digits }));
