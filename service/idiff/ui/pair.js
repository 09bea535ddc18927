// Two photos: the viewer at once, the verdict as soon as it is there, then maps and reasons.

import { post } from "./api.js";
import { find } from "./dom.js";
import { showMeasures } from "./measures.js";
import { Problem } from "./problems.js";
import { end, sent } from "./progress.js";
import { Explanation } from "./rationale.js";
import { showVerdict, showWarnings } from "./verdict.js";
import { Viewer } from "./viewer.js";
import { plain } from "./words.js";

/** Rejects with a Problem where there is no verdict; what fails later is told in its place. */
export async function compare(photos, signal) {
  for (const id of ["verdict", "rationale", "measures"]) find(id).hidden = true;
  const viewer = new Viewer(photos);
  const form = new FormData();
  form.append("image_a", photos[0].file);
  form.append("image_b", photos[1].file);
  form.append("maps", "difference,sharpness");
  const bytes = photos[0].file.size + photos[1].file.size;
  let explanation = null;
  const events = {
    verdict(answer) {
      end();
      showVerdict(answer);
      showMeasures(answer);
      viewer.explain(answer.views);
      viewer.mark(answer.verdict.too_close ? null : answer.verdict.preferred);
      document.title = `${find("verdict").querySelector("h1").textContent} · iDiff`;
      explanation = new Explanation();
    },
    maps: (maps) => viewer.chart(maps),
    "rationale.delta": ({ text }) => explanation.add(text),
    "rationale.restart": () => explanation.restart(),
    rationale(rationale) {
      explanation.finish(rationale);
      find("announcement").append(` ${plain(rationale.summary)}`);
    },
    error: () => explanation.fail("The explanation could not be written. The verdict stands."),
    done: ({ warnings }) => showWarnings(warnings),
  };
  try {
    await post("compare", form, { sent: (share) => sent(share, bytes), event: (name, data) => events[name]?.(data), signal });
  } catch (error) {
    if (!explanation || signal.aborted) throw error;
    explanation.fail("The connection broke before the explanation was complete. The verdict stands.");
    return;
  }
  if (!explanation) throw new Problem("unreachable");
}
