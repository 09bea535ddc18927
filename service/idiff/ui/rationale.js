// Why: the text as it is written, then each line with what was measured about it.

import { find, make } from "./dom.js";
import { measured, plain } from "./words.js";

export class Explanation {
  #text = "";

  constructor() {
    this.lines = make("ol", { class: "lines" });
    this.source = make("p", { class: "small" });
    find("rationale").replaceChildren(make("h2", {}, "Why"), this.lines, this.source);
    find("rationale").setAttribute("aria-busy", "true");
    find("rationale").hidden = false;
    this.source.textContent = "Writing…";
  }

  add(text) {
    this.#text += text;
    const written = this.#text.split("\n").filter((line) => line.trim());
    this.lines.replaceChildren(...written.map((line) => {
      const [, head, rest] = /^([^:]{1,60}): ?(.*)$/.exec(line) ?? [null, null, line];
      return item(head, make("p", {}, plain(rest)));
    }));
    this.lines.lastElementChild?.classList.add("writing");
  }

  restart() {
    this.#text = "";
    this.lines.replaceChildren();
  }

  /** The whole, which counts. */
  finish(rationale) {
    this.lines.replaceChildren(...items(rationale));
    this.source.textContent = author(rationale);
    find("rationale").removeAttribute("aria-busy");
  }

  /** There is none. */
  fail(text) {
    this.restart();
    this.source.textContent = text;
    find("rationale").removeAttribute("aria-busy");
  }
}

/** A whole rationale, as an element; `names` of photo A and B in it. */
export function reasons(rationale, names) {
  const written = make("p", { class: "small" }, author(rationale));
  return make("div", { class: "lines" }, make("ol", { class: "lines" }, ...items(rationale, names)), written);
}

const items = ({ lines, summary }, names) => [
  ...lines.map((line) => item(`${line.region} ${line.metric}`, make("p", {}, plain(line.text, names)), support(line, names))),
  make("li", { class: "summary" }, make("p", {}, plain(summary, names))),
];

function item(head, ...rest) {
  const said = head?.replace(/^Global /, "Whole photo ").replace(/^Detail Region /, "Close-up ").toLowerCase();
  return make("li", {}, said && make("h3", { class: "small" }, said[0].toUpperCase() + said.slice(1)), ...rest);
}

function support({ agrees, measured: what }, names) {
  if (!what) return make("p", { class: "support small" }, "Not measured");
  const [kind, said] = { true: ["agrees", "Measured"], false: ["contradicts", "Measured otherwise"], null: ["", "Measured, too close to tell"] }[agrees];
  return make("p", { class: `support small ${kind}` }, make("span", {}, `${said}: `), measured(what, names));
}

function author({ lines, source, grounding }) {
  if (source === "measured") return "Written from measurements of both photos.";
  const told = lines.filter((line) => line.agrees !== null).length;
  if (!told) return "Written by a language model. None of it could be measured.";
  return `Written by a language model. Measurements agree with ${Math.round(grounding * told)} of the ${told} lines that can be measured.`;
}
