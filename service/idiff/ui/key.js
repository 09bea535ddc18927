// The access key, where the service wants one: asked for when it does, kept for this tab only.

import { find } from "./dom.js";

const NAME = "idiff.key";

export const current = () => sessionStorage.getItem(NAME);

/** Ask for a key; resolves to whether one was given. */
export function ask() {
  const dialog = find("key");
  find("key-text").textContent = current()
    ? "The service does not accept the present key. Whoever runs it can give you another one."
    : "This service answers only callers with a key. Whoever runs it can give you one.";
  find("key-value").value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const given = dialog.returnValue === "use";
      if (given) sessionStorage.setItem(NAME, find("key-value").value.trim());
      find("key-change").hidden = !current();
      resolve(given);
    }, { once: true });
  });
}
