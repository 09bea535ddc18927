// Asking the service. XMLHttpRequest, as fetch does not tell how much of a body has been sent.

import { reader } from "./sse.js";
import { current } from "./key.js";
import { Problem } from "./problems.js";

/**
 * Post a form to `path`. `sent(share)` follows the upload, `event(name, data)` the answer's events, where it has any;
 * resolves to the whole answer's JSON, or to null after events. `signal` cancels. Rejects with a Problem.
 */
export function post(path, form, { sent, event, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const feed = event && reader(event);
    let read = 0;
    const readOn = () => {
      if (!feed || request.status !== 200) return;
      const text = request.responseText;
      feed(text.slice(read));
      read = text.length;
    };
    request.open("POST", path);
    request.setRequestHeader("Accept", event ? "text/event-stream" : "application/json");
    if (current()) request.setRequestHeader("Authorization", `Bearer ${current()}`);
    request.upload.addEventListener("progress", ({ loaded, total }) => sent(loaded / total));
    request.addEventListener("progress", readOn);
    request.addEventListener("load", () => {
      if (request.status !== 200) return reject(refused(request));
      readOn();
      resolve(event ? null : JSON.parse(request.responseText));
    });
    request.addEventListener("error", () => reject(new Problem("unreachable")));
    request.addEventListener("abort", () => reject(new Problem("cancelled")));
    signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

function refused(request) {
  const retryAfter = Number(request.getResponseHeader("Retry-After")) || 0;
  try {
    return new Problem(JSON.parse(request.responseText).error.code, JSON.parse(request.responseText).error, retryAfter);
  } catch {
    return new Problem("unreachable"); // a proxy's page, not the service's answer
  }
}
