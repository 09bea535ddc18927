// More than two photos: a contact sheet in order, with strengths, ties and the reason for the first place.

import { post } from "./api.js";
import { find, make, style } from "./dom.js";
import { end, sent } from "./progress.js";
import { reasons } from "./rationale.js";
import { chance, warning } from "./words.js";

const NAMES = { A: "No. 1", B: "No. 2" };

/** `compare(photos)` is called with the two that somebody wants to see side by side. Rejects with a Problem. */
export async function rank(photos, signal, compare) {
  const root = find("ranking");
  root.replaceChildren();
  const form = new FormData();
  for (const { file } of photos) form.append("photos", file);
  const bytes = photos.reduce((sum, { file }) => sum + file.size, 0);
  const ranking = await post("rank", form, { sent: (share) => sent(share, bytes), signal });
  end();
  const title = headline(ranking, photos);
  root.replaceChildren(
    make("h1", {}, title),
    make("p", { class: "lead" }, "In the order that a professional would prefer them. The bar says how often each would be preferred to an average one of these, the thin line how far off that may be. Choose a photo to look at it beside the best."),
    notes(ranking, photos),
    make("ol", { class: "sheet" }, ...ranking.order.map((index) => card(ranking, photos, index, compare))),
    reason(ranking, photos));
  document.title = `${title} · iDiff`;
  find("announcement").textContent = title;
}

const nameOf = (photos) => (index) => photos[index].file.name;
const listed = (run, photos) => new Intl.ListFormat("en").format(run.map(nameOf(photos)));

function headline({ order, indistinguishable }, photos) {
  const best = indistinguishable.find(([first]) => first === order[0]) ?? [order[0]];
  if (best.length > 3) return `${best.length} of ${photos.length} photos are equally good`;
  return `${listed(best, photos)} ${best.length > 1 ? "are" : "is"} the best of ${photos.length}`;
}

const share = (strength) => 1 / (1 + Math.exp(-strength));

function card(ranking, photos, index, compare) {
  const { rank: place, strength, standard_error: error, same_scene: same } = ranking.photos[index];
  const { image, file } = photos[index];
  const first = index === ranking.order[0];
  const against = photos[ranking.order[first ? 1 : 0]];
  const low = share(strength - error);
  const bar = style(make("span", { class: "strength", "aria-hidden": "true" }, make("span", { class: "bar" }), make("span", { class: "error" })), {
    "--length": `${100 * share(strength)}%`, "--low": `${100 * low}%`, "--wide": `${100 * (share(strength + error) - low)}%`,
  });
  const button = make("button", { type: "button", "aria-label": `No. ${place}: ${file.name}. Compare it with ${against.file.name}` },
    image ? make("img", { src: image.src, alt: "" }) : make("span", { class: "unseen" }, "This browser cannot show it"),
    make("span", { class: "place", "aria-hidden": "true" }, place));
  button.addEventListener("click", () => compare(first ? [photos[index], against] : [against, photos[index]]));
  return make("li", { class: first ? "first" : "" }, button,
    make("p", { class: "name" }, file.name),
    make("p", { class: "small row" }, bar, make("span", { class: "value" }, chance(share(strength)))),
    same ? null : make("p", { class: "small" }, "Seems to show another scene"));
}

function notes({ indistinguishable, intransitive, warnings }, photos) {
  const told = [
    ...indistinguishable.map((run) => `Too close to tell apart: ${listed(run, photos)}.`),
    ...intransitive.filter((circle) => !circle.too_close).map(({ photos: run }) => `In a circle, each better than the next and the last better than the first: ${listed(run, photos)}.`),
    ...warnings.filter(({ code }) => code !== "not_same_scene").map(warning).filter(Boolean),
  ];
  return make("ul", { class: "notes small" }, ...[...new Set(told)].map((text) => make("li", {}, text)));
}

function reason({ reason: { winner, runner_up: next, rationale } }, photos) {
  if (!rationale) return null;
  return make("section", { class: "card reason", "aria-label": "Why" },
    make("h2", {}, `Why ${nameOf(photos)(winner)} before ${nameOf(photos)(next)}`), reasons(rationale, NAMES));
}
