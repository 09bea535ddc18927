// From photos to what is shown of them.

import { find } from "./dom.js";
import { ask, current } from "./key.js";
import { compare } from "./pair.js";
import { close, collect, open, sample } from "./photos.js";
import { Problem } from "./problems.js";
import { begin, end, trouble } from "./progress.js";
import { rank } from "./ranking.js";

const MOST = 64;

let photos = [];
let pair = null; // the two that are compared, of two or more
let cancel = new AbortController();

function show(section) {
  for (const id of ["start", "pair", "ranking"]) find(id).hidden = id !== section;
  find("again").hidden = section === "start";
  find("swap").hidden = section !== "pair";
  find("back").hidden = section !== "pair" || photos.length < 3;
}

function restart() {
  cancel.abort();
  end();
  close(photos);
  photos = [];
  fillSlots();
  find("problem").hidden = true;
  show("start");
  document.title = "iDiff";
}

function fillSlots() {
  const [first] = document.querySelectorAll(".frames span");
  first.classList.toggle("here", photos.length === 1);
  find("drop-hint").textContent = photos.length === 1 ? `${photos[0].file.name} is here. Add the other one` : "Drop two photos here, or paste them";
}

/** New files: a second photo joins a first one that waits, anything else begins anew. */
async function bring(files) {
  const waiting = photos.length === 1 && files.length === 1 ? photos : [];
  if (!waiting.length) restart();
  if (files.length > MOST) return trouble(new Problem("too_many_photos"), nameOf);
  photos = [...waiting, ...(await Promise.all(files.map(open)))];
  fillSlots();
  pair = photos.length === 2 ? photos : null;
  if (photos.length > 1) await judge();
}

function judgePair(two) {
  pair = two;
  return judge();
}

async function judge() {
  cancel.abort();
  cancel = new AbortController();
  const { signal } = cancel;
  find("problem").hidden = true;
  begin();
  try {
    if (pair) {
      show("pair");
      await compare(pair, signal);
    } else {
      show("ranking");
      await rank(photos, signal, judgePair);
    }
    end();
  } catch (error) {
    if (signal.aborted) return;
    await failed(error instanceof Problem ? error : unexpected(error));
  }
}

async function failed(problem) {
  end();
  if (problem.code === "unauthorized" && (await ask())) return judge();
  show("start");
  trouble(problem, nameOf);
}

function unexpected(error) {
  console.error(error);
  return new Problem("unexpected");
}

/** What the photo of a form field is called. */
function nameOf(field) {
  const photo = pair ? pair[{ image_a: 0, image_b: 1 }[field]] : photos[/\d+/.exec(field)?.[0]];
  return photo?.file.name ?? "A photo";
}

collect(bring);
find("sample").addEventListener("click", async () => {
  try {
    await bring(await sample());
  } catch (error) {
    trouble(error instanceof TypeError ? new Problem("unreachable") : unexpected(error), nameOf);
  }
});
find("again").addEventListener("click", restart);
find("retry").addEventListener("click", () => (photos.length > 1 ? judge() : restart()));
find("swap").addEventListener("click", () => judgePair(pair.toReversed()));
find("back").addEventListener("click", () => {
  cancel.abort();
  end();
  find("problem").hidden = true;
  pair = null;
  show("ranking");
});
find("cancel").addEventListener("click", restart);
find("key-change").addEventListener("click", ask);
find("key-change").hidden = !current();
