// The line between photo A and photo B: a slider for mouse, fingers and keys.

import { make, style } from "./dom.js";

export function divider(stage) {
  const line = make("div", {
    class: "divider", role: "slider", tabindex: "0", "aria-label": "Divider: photo A to the left, photo B to the right",
    "aria-valuemin": "0", "aria-valuemax": "100",
  }, make("span", { "aria-hidden": "true" }));
  let share = 50;

  const move = (percent) => {
    share = Math.min(100, Math.max(0, percent));
    line.setAttribute("aria-valuenow", Math.round(share));
    line.setAttribute("aria-valuetext", `${Math.round(share)}% photo A`);
    style(stage, { "--divider": `${share}%` });
  };
  line.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    line.focus();
    line.setPointerCapture(event.pointerId);
  });
  line.addEventListener("pointermove", (event) => {
    if (!line.hasPointerCapture(event.pointerId)) return;
    const box = stage.getBoundingClientRect();
    move((100 * (event.clientX - box.left)) / box.width);
  });
  line.addEventListener("dblclick", (event) => {
    event.stopPropagation();
    move(50);
  });
  line.addEventListener("keydown", (event) => {
    const by = event.shiftKey ? 10 : 2;
    const to = {
      ArrowLeft: share - by, ArrowDown: share - by, ArrowRight: share + by, ArrowUp: share + by,
      PageDown: share - 10, PageUp: share + 10, Home: 0, End: 100,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    move(to);
  });
  move(50);
  return line;
}
