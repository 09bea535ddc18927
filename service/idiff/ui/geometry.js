// Affine maps of the plane as [a, b, c, d, e, f], as CSS's matrix() takes them.

export const multiply = (m, n) => [
  m[0] * n[0] + m[2] * n[1], m[1] * n[0] + m[3] * n[1],
  m[0] * n[2] + m[2] * n[3], m[1] * n[2] + m[3] * n[3],
  m[0] * n[4] + m[2] * n[5] + m[4], m[1] * n[4] + m[3] * n[5] + m[5],
];

export function invert([a, b, c, d, e, f]) {
  const size = a * d - b * c;
  return [d / size, -b / size, -c / size, a / size, (c * f - d * e) / size, (b * e - a * f) / size];
}

export const scaling = (factor) => [factor, 0, 0, factor, 0, 0];

/** From the service's rows, [[a, c, e], [b, d, f]]. */
export const fromRows = ([[a, c, e], [b, d, f]]) => [a, b, c, d, e, f];

/** B's pixels to A's. `rows`: from A to B, in units of each photo's long side. */
export function between(sizeA, sizeB, rows) {
  const longest = (size) => Math.max(size.width, size.height);
  return multiply(multiply(scaling(longest(sizeA)), invert(fromRows(rows))), scaling(1 / longest(sizeB)));
}

/** What of a photo of `size` pixels is seen in a window: CSS pixels a photo pixel, and where the photo's corner lies. */
export class View {
  constructor(changed) {
    Object.assign(this, { changed, scale: 1, x: 0, y: 0, size: { width: 1, height: 1 }, window: { width: 1, height: 1 } });
  }

  get fitting() {
    return Math.min(this.window.width / this.size.width, this.window.height / this.size.height);
  }

  /** The scale at which a photo's pixel is one of the screen's. */
  get real() {
    return 1 / devicePixelRatio;
  }

  get fits() {
    return this.scale <= this.fitting * 1.001;
  }

  fit() {
    this.moveTo(this.fitting, 0, 0);
  }

  /** Enlarge `times`, keeping what lies at x, y of the window where it is. */
  zoom(times, x = this.window.width / 2, y = this.window.height / 2) {
    const most = Math.max(8 * this.real, this.fitting);
    const scale = Math.min(most, Math.max(this.fitting, this.scale * times));
    const moved = scale / this.scale;
    this.moveTo(scale, x - (x - this.x) * moved, y - (y - this.y) * moved);
  }

  pan(x, y) {
    this.moveTo(this.scale, this.x + x, this.y + y);
  }

  /** Show a box of the photo as large as the window allows, but no larger than twice its pixels. */
  show(box) {
    const scale = Math.min(this.window.width / box.width, this.window.height / box.height, Math.max(2 * this.real, this.fitting)) * 0.96;
    const x = this.window.width / 2 - (box.x + box.width / 2) * scale;
    this.moveTo(Math.max(scale, this.fitting), x, this.window.height / 2 - (box.y + box.height / 2) * scale);
  }

  moveTo(scale, x, y) {
    this.scale = scale;
    this.x = settle(x, this.window.width, this.size.width * scale);
    this.y = settle(y, this.window.height, this.size.height * scale);
    this.changed();
  }
}

/** Centred where the photo is smaller than the window, else without a gap beside it. */
function settle(start, window, photo) {
  return photo <= window ? (window - photo) / 2 : Math.min(0, Math.max(window - photo, start));
}
