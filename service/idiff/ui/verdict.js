// Which photo is better, how sure that is, who voted how, and what to know about it.

import { find, make, style } from "./dom.js";
import { chance, warning } from "./words.js";

const title = ({ preferred, too_close: close }) => (close || !preferred ? "Too close to call" : `Photo ${preferred} is better`);

export function showVerdict(answer) {
  const { verdict } = answer;
  const votes = verdict.votes;
  const clear = verdict.preferred && !verdict.too_close;
  const notes = make("ul", { class: "notes small" });
  find("verdict").replaceChildren(
    make("h1", { class: "headline" }, title(verdict)),
    make("p", { class: "sure" },
      make("strong", {}, chance(verdict.confidence)), clear ? " sure" : ` for ${verdict.preferred ?? "either"}: treat them as equal`),
    style(make("div", { class: `balance ${clear ? verdict.preferred : ""}`, role: "img", "aria-label": `${chance(verdict.probability_a)} for photo A, ${chance(1 - verdict.probability_a)} for photo B` },
      make("span")), { "--a": `${100 * verdict.probability_a}%` }),
    make("p", { class: "ends small", "aria-hidden": "true" }, make("span", {}, `A ${chance(verdict.probability_a)}`), make("span", {}, `B ${chance(1 - verdict.probability_a)}`)),
    make("p", { class: "agreement small" }, agreement(verdict)),
    make("ol", { class: "votes small" }, ...votes.map(vote)),
    notes);
  find("verdict").hidden = false;
  showWarnings(answer.warnings);
  find("announcement").textContent = `${title(verdict)}, ${chance(verdict.confidence)} sure. ${agreement(verdict)}.`;
}

export function showWarnings(warnings) {
  const told = [...new Set(warnings.map(warning))].filter(Boolean);
  find("verdict").querySelector(".notes").replaceChildren(...told.map((text) => make("li", {}, text)));
}

function agreement({ votes, preferred, category }) {
  const kind = category === "person" ? "portraits" : "scenes";
  const same = votes.filter((vote) => vote.preferred === preferred).length;
  return preferred ? `${same} of ${votes.length} judges of ${kind} chose ${preferred}` : `${votes.length} judges of ${kind} are undecided`;
}

function vote({ probability_a: a, preferred, backbone }, index) {
  const track = make("span", { class: "track", "aria-hidden": "true" }, make("span", {}));
  style(track, { "--from": `${100 * Math.min(0.5, 1 - a)}%`, "--length": `${100 * Math.abs(a - 0.5)}%` });
  return make("li", { class: preferred ?? "", title: backbone },
    make("span", {}, `Judge ${index + 1}`), track, make("span", { class: "said" }, preferred ? `${preferred} ${chance(Math.max(a, 1 - a))}` : "even"));
}
