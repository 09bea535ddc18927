// Two photos on top of each other under a divider, aligned, zoomed and panned as one.

import { find, make, segments, style } from "./dom.js";
import { divider } from "./divider.js";
import { between, multiply, View } from "./geometry.js";
import { gestures, real } from "./gestures.js";
import { legend, overlays } from "./overlay.js";

const HELP = "Photo A and photo B under a divider. Plus and minus zoom, arrow keys pan, 0 shows the whole photos, 1 their real pixels.";
const SAME = [[1, 0, 0], [0, 1, 0]];

export class Viewer {
  #view = new View(() => this.#draw());
  #layers = {};
  #moving = []; // what moves with the photos: [element, matrix from its own pixels to photo A's; null: it fits photo A]

  /** `photos`: A and B as `open` gives them. `previews`: pictures of both for what this browser cannot show. */
  constructor(photos) {
    this.photos = photos;
    this.stage = make("div", { class: "stage", tabindex: "0", role: "group", "aria-label": HELP });
    for (const [index, side] of ["A", "B"].entries()) {
      const { image } = photos[index];
      const layer = make("div", { class: `layer ${side.toLowerCase()}` });
      if (image) {
        const shown = make("img", { src: image.src, alt: `Photo ${side}`, draggable: "false", width: image.naturalWidth, height: image.naturalHeight });
        layer.append(shown);
      } else layer.append(make("p", { class: "unseen" }, `This browser cannot show photo ${side}. It is judged all the same.`));
      layer.append(make("span", { class: "letter", "aria-hidden": "true" }, side));
      this.#layers[side] = layer;
      this.stage.append(layer);
    }
    this.stage.append(divider(this.stage));
    find("viewer").replaceChildren(this.stage, this.#tools(), (this.legend = legend()));
    gestures(this.stage, this.#view);
    new ResizeObserver(() => this.#resize()).observe(this.stage);
    this.#align(sizeOf(photos[0]) ?? sizeOf(photos[1]), sizeOf(photos[1]) ?? sizeOf(photos[0]), SAME);
  }

  /** What the service found: how B lies on A, and the close-ups that the models saw. */
  explain({ a, b, alignment }) {
    this.#align(a.original, b.original, alignment.matrix);
    const onto = between(a.original, b.original, alignment.matrix);
    for (const [side, { crop_box: box, original }, matrix] of [["A", a, [1, 0, 0, 1, 0, 0]], ["B", b, onto]]) {
      if (!box || (box.width >= original.width && box.height >= original.height)) continue; // the whole photo is none
      const button = make("button", { type: "button", "aria-label": `Zoom to the close-up of photo ${side}` }, "Close-up");
      const frame = style(make("div", { class: "close-up" }, button), { width: `${box.width}px`, height: `${box.height}px` });
      const placed = multiply(matrix, [1, 0, 0, 1, box.x, box.y]);
      button.addEventListener("click", () => this.#view.show({ x: placed[4], y: placed[5], width: box.width * placed[0], height: box.height * placed[3] }));
      this.#layers[side].append(frame);
      this.#moving.push([frame, placed]);
    }
    this.#draw();
  }

  /** Maps of where the photos differ, to be laid over them. */
  async chart(maps) {
    const made = overlays(maps);
    await Promise.all(made.map(([, image]) => image.decode()));
    for (const [side, image] of made) {
      this.#layers[side].append(image);
      this.#moving.push([image, null]);
    }
    this.legend.fill(maps);
    for (const input of this.stage.parentElement.querySelectorAll("input[name=overlay]")) input.disabled = false;
    this.#draw();
  }

  /** Mark the better photo. */
  mark(side) {
    for (const [name, layer] of Object.entries(this.#layers)) layer.querySelector(".letter").classList.toggle("better", name === side);
  }

  #tools() {
    this.percent = make("span", { class: "percent small" });
    const button = (label, text, act) => {
      const made = make("button", { type: "button", class: "quiet", "aria-label": label }, text);
      made.addEventListener("click", act);
      return made;
    };
    const overlay = segments("overlay", "Shown", [["none", "Photos"], ["difference", "Difference"], ["sharpness", "Sharpness"]], (kind) => {
      this.stage.dataset.overlay = kind;
      this.legend.show(kind);
    });
    for (const input of overlay.querySelectorAll("input")) input.disabled = input.value !== "none";
    return make("div", { class: "tools" },
      overlay,
      make("div", { class: "zoom", role: "group", "aria-label": "Zoom" },
        button("Whole photos", "Fit", () => this.#view.fit()),
        button("Real pixels, one to one", "1:1", () => real(this.#view)),
        button("Zoom out", "−", () => this.#view.zoom(1 / 1.5)),
        button("Zoom in", "+", () => this.#view.zoom(1.5)),
        this.percent));
  }

  #align(sizeA, sizeB, rows) {
    if (!sizeA) return;
    this.#view.size = sizeA;
    style(this.stage, { "--ratio": sizeA.width / sizeA.height });
    const images = ["A", "B"].map((side) => this.#layers[side].querySelector("img:not(.overlay)"));
    this.#moving = this.#moving.filter(([element]) => element.tagName !== "IMG" || element.classList.contains("overlay"));
    if (images[0]) this.#moving.push([images[0], [1, 0, 0, 1, 0, 0]]);
    if (images[1]) this.#moving.push([images[1], between(sizeA, sizeB, rows)]);
    this.#resize();
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    if (!width || !height) return;
    const fitted = this.#view.fits || this.#view.window.width === 1;
    this.#view.window = { width, height };
    if (fitted) this.#view.fit();
    else this.#view.pan(0, 0);
  }

  #draw() {
    const { scale, x, y, size } = this.#view;
    const whole = [scale, 0, 0, scale, x, y];
    for (const [element, matrix] of this.#moving) {
      const own = matrix ?? [size.width / element.naturalWidth, 0, 0, size.height / element.naturalHeight, 0, 0];
      element.style.transform = `matrix(${multiply(whole, own).join(",")})`;
    }
    style(this.stage, { "--thin": 1 / scale });
    this.stage.classList.toggle("enlarged", scale > this.#view.real * 1.01);
    this.stage.classList.toggle("fits", this.#view.fits);
    this.percent.textContent = `${Math.round((100 * scale) / this.#view.real)}%`;
  }
}

const sizeOf = ({ image }) => image && { width: image.naturalWidth, height: image.naturalHeight };
