// Photos from a drop, the file dialog or the clipboard.

import { find } from "./dom.js";

/** A photo as the page holds it: its file, and the picture where this browser can show it (`image`, else null). */
export function open(file) {
  const image = new Image();
  const url = URL.createObjectURL(file);
  return new Promise((resolve) => {
    // Not decode(): that would unpack all pixels of 64 photos at once.
    image.addEventListener("load", () => resolve({ file, image, url }));
    image.addEventListener("error", () => resolve({ file, image: null, url }));
    image.src = url;
  });
}

/** Forget photos. */
export function close(photos) {
  for (const { url } of photos) URL.revokeObjectURL(url);
}

/** Call `take(files)` whenever somebody brings some. */
export function collect(take) {
  const input = find("files");
  const page = document.documentElement;
  const some = (list) => {
    const files = [...(list ?? [])];
    if (files.length) take(files);
  };
  find("pick").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    some(input.files);
    input.value = ""; // so that the same file can be chosen again
  });
  addEventListener("dragover", (event) => {
    event.preventDefault();
    page.classList.add("over");
  });
  addEventListener("dragleave", (event) => event.relatedTarget || page.classList.remove("over"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    page.classList.remove("over");
    some(event.dataTransfer?.files);
  });
  addEventListener("paste", (event) => some(event.clipboardData?.files));
}

/** The bundled pair. */
export async function sample() {
  const names = ["astronaut_a.jpg", "astronaut_b.jpg"];
  return Promise.all(names.map(async (name) => new File([await (await fetch(`ui/sample/${name}`)).blob()], name)));
}
