// Plain words for what the service measures and warns of.

/** Statistics of a photo: name, what it says, unit, digits, and what more (less) of it is called where that is better. */
export const STATISTICS = {
  laplacian: { name: "Fine detail", more: "Sharper" },
  tenengrad: { name: "Strength of edges", more: "Stronger edges" },
  high_frequency_ratio: { name: "Finest texture", share: true, more: "More texture" },
  edge_density: { name: "Area of edges", share: true },
  noise_sigma: { name: "Noise", digits: 2, less: "Less noise" },
  under_exposed: { name: "Black areas", share: true, less: "Fewer black areas" },
  over_exposed: { name: "Blown-out areas", share: true, less: "Fewer blown-out areas" },
  brightness: { name: "Brightness", digits: 0 },
  colorfulness: { name: "Colorfulness", digits: 0 },
  entropy: { name: "Range of tones", digits: 1 },
};

const QUALITIES = {
  sharpness: "edge sharpness", laplacian: "fine detail", detail: "fine detail", texture: "texture", grain: "noise",
  added_grain: "noise", shadow_grain: "noise in the shadows", color_grain: "colored noise", halos: "halo",
  blocks: "compression blocks", resolution: "resolution", global_sharpness: "sharpness", brightness: "brightness",
  highlights: "blown-out area", shadows: "black area", contrast: "contrast", color: "color strength", warmth: "warmth",
  green: "green tint",
};
const LETTERS = { A: "A", B: "B" };

/** A measured difference: how much, of what, and which photo has more of it. */
export function measured({ quality, difference, unit, dead_band: least }, names = LETTERS) {
  const what = QUALITIES[quality] ?? quality.replaceAll("_", " ");
  const size = Math.abs(difference);
  if (size < least) return `${what} about equal`;
  const amount = {
    octaves: `${(2 ** size).toFixed(1)}× the ${what}`,
    "grey levels": `${size.toFixed(1)} of 255 levels more ${what}`,
    "share of the frame": `${percent(size)} of the photo more ${what}`,
    "share of an edge's step": `${percent(size)} of an edge's contrast more ${what}`,
  }[unit] ?? `${size.toFixed(2)} ${unit} more ${what}`;
  return `${amount} in ${names[difference > 0 ? "A" : "B"]}`;
}

/** Warnings that people should see, by code; others are shown as the service words them, or (null) not at all. */
const WARNINGS = {
  not_same_scene: "These photos do not seem to show the same scene. Take the verdict with care.",
  alignment_failed: "The photos could not be laid on each other exactly, so the close-ups may show different places.",
  resolution_differs: "One photo has fewer pixels. The close-ups were brought to one size.",
  rationale_fallback: "The language model gave no explanation in time. This one is made of measurements.",
  rationale_failed: "The explanation could not be written. The verdict stands.",
  maps_missing: "The maps could not be drawn. The verdict stands.",
  gain_map_ignored: "The HDR part of a photo was left out.",
  hdr_tone_mapped: "An HDR photo was brought to ordinary brightness.",
  profile_missing: "A photo does not say which colors it means. It was read as sRGB.",
  profile_invalid: "A photo's color profile is broken. It was read as sRGB.",
  extra_images_ignored: "A file holds further pictures, which were left out.",
  alpha_composited: "Transparent parts of a photo were laid on a plain background.",
  split_vote: null,
};

export const warning = ({ code, message }) => (code in WARNINGS ? WARNINGS[code] : message);

export const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)}%`;

/** A probability; never quite none or all. */
export function chance(probability) {
  if (probability > 0.995) return "over 99%";
  return probability < 0.005 ? "under 1%" : `${Math.round(100 * probability)}%`;
}

/** The service's text says `Image A (Left)`; people read `Photo A`, or what `names` call it. */
export const plain = (text, names = { A: "Photo\u00a0A", B: "Photo\u00a0B" }) =>
  text.replaceAll(/Image ([AB])(?: \((?:Left|Right)\)|\/(?:Left|Right))?/g, (_, side) => names[side]);
