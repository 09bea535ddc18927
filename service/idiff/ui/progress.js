// How far it is, and what went wrong.

import { find } from "./dom.js";

export function begin() {
  find("progress").hidden = false;
  sent(0, 0);
}

/** `share` of `bytes` are sent; all of them: the service is at work. */
export function sent(share, bytes) {
  const megabytes = (value) => (value / 1e6).toFixed(1);
  const bar = find("progress-bar");
  if (share < 1) bar.value = share;
  else bar.removeAttribute("value");
  find("progress-text").textContent = share < 1 ? `Sending ${megabytes(share * bytes)} of ${megabytes(bytes)} MB` : "Judging…";
}

export function end() {
  find("progress").hidden = true;
}

/** Say what went wrong; trying again waits as long as the service asks for. */
export function trouble(problem, nameOf) {
  const [title, advice] = problem.words(nameOf);
  find("problem-title").textContent = title;
  find("problem-advice").textContent = advice;
  find("problem").hidden = false;
  find("problem").focus();
  const retry = find("retry");
  retry.hidden = !problem.passes;
  retry.disabled = problem.retryAfter > 0;
  setTimeout(() => (retry.disabled = false), 1000 * problem.retryAfter);
}
