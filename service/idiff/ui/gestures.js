// Mouse, fingers and keys that move a view: wheel and pinch zoom, dragging and arrows pan.

const STEP = 1.25;

export function gestures(stage, view) {
  const down = new Map();
  const at = ({ clientX, clientY }) => {
    const box = stage.getBoundingClientRect();
    return [clientX - box.left, clientY - box.top];
  };

  stage.addEventListener("wheel", (event) => {
    if (view.fits && event.deltaY > 0 && !event.ctrlKey) return; // nothing to zoom out of: the page scrolls on
    event.preventDefault();
    view.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.002)), ...at(event));
  }, { passive: false });

  stage.addEventListener("dblclick", (event) => toggle(view, ...at(event)));

  stage.addEventListener("pointerdown", (event) => {
    if (event.target.closest("button, [role=slider]")) return;
    stage.setPointerCapture(event.pointerId);
    down.set(event.pointerId, at(event));
  });
  stage.addEventListener("pointermove", (event) => {
    const before = down.get(event.pointerId);
    if (!before) return;
    const now = at(event);
    const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
    if (other) view.zoom(distance(now, other) / Math.max(1, distance(before, other)), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    const share = down.size; // two fingers pan by the mean of their ways
    view.pan((now[0] - before[0]) / share, (now[1] - before[1]) / share);
    down.set(event.pointerId, now);
  });
  for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, (event) => down.delete(event.pointerId));

  stage.addEventListener("keydown", (event) => {
    if (event.target !== stage || event.ctrlKey || event.metaKey || event.altKey) return;
    const by = event.shiftKey ? 160 : 40;
    const does = {
      "+": () => view.zoom(STEP), "=": () => view.zoom(STEP), "-": () => view.zoom(1 / STEP),
      0: () => view.fit(), 1: () => real(view),
      ArrowLeft: () => view.pan(by, 0), ArrowRight: () => view.pan(-by, 0),
      ArrowUp: () => view.pan(0, by), ArrowDown: () => view.pan(0, -by),
    }[event.key];
    if (!does) return;
    event.preventDefault();
    does();
  });
}

/** To a photo's real pixels. */
export function real(view, x, y) {
  view.zoom(view.real / view.scale, x, y);
}

function toggle(view, x, y) {
  if (view.fits) real(view, x, y);
  else view.fit();
}

const distance = ([x, y], [u, v]) => Math.hypot(x - u, y - v);
