// Maps laid over the photos, and the scale that says what their colours mean.

import { make } from "./dom.js";

const SCALES = {
  difference: ["Same", "Different", "inferno", (maps) => maps.difference, "color distance (ΔE)"],
  sharpness: ["Soft", "Sharp", "viridis", (maps) => maps.sharpness?.a, "strength of fine detail, grey levels"],
};

/** The maps as pictures: [side of the divider, element]. All fit photo A. */
export function overlays({ difference, sharpness }) {
  const shown = [
    ["A", "difference", difference, "Difference map"], ["B", "difference", difference, "Difference map"],
    ["A", "sharpness", sharpness?.a, "Sharpness map of photo A"], ["B", "sharpness", sharpness?.b, "Sharpness map of photo B"],
  ];
  return shown.filter(([, , map]) => map).map(([side, kind, map, alt]) => [
    side, make("img", { class: `overlay ${kind}`, src: `data:image/png;base64,${map.png}`, alt, draggable: "false" }),
  ]);
}

/** The scale of the map that is shown. */
export function legend() {
  const element = make("p", { class: "legend small", hidden: true });
  let maps = {};
  element.fill = (given) => (maps = given);
  element.show = (kind) => {
    const [low, high, colours, of, unit] = SCALES[kind] ?? [];
    element.hidden = !of?.(maps);
    if (element.hidden) return;
    const map = of(maps);
    element.replaceChildren(
      make("span", {}, low), make("span", { class: `scale ${colours}`, "aria-hidden": "true" }), make("span", {}, high),
      make("span", { class: "range" }, `${map.low} to ${map.high.toFixed(1)} ${unit}`));
  };
  return element;
}
