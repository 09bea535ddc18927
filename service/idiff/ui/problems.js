// What went wrong, in plain words, and what to do.

const MEGABYTE = 2 ** 20;

const WORDS = {
  unsupported_image: ["is not a picture this service can read", "Use JPEG, PNG, WebP, TIFF, HEIC or AVIF."],
  raw_unsupported: ["is a camera RAW file", "Export it as JPEG or TIFF first: what is judged is the developed picture."],
  undecodable_image: ["cannot be opened", "The file seems damaged or cut off. Export or copy it once more."],
  animation_unsupported: ["is an animation", "Send a single picture."],
  image_too_small: ["is too small", "Send it at its original size."],
  too_many_pixels: ["has too many pixels", "Make it smaller and try again."],
  too_many_bytes: ["The photos are too large", "Send smaller files."],
  upload_timeout: ["The upload took too long", "Try again on a faster connection, or with smaller files."],
  rate_limited: ["Too many requests with this key", "Wait a moment, then try again."],
  key_busy: ["This key is busy with other photos", "Wait until those are done, then try again."],
  too_many_photos: ["Too many photos", "At most 64 can be ranked at once."],
  unauthorized: ["An access key is needed", "Try again to enter one. Whoever runs this service can give you one."],
  overloaded: ["The service is busy", "Other photos are being judged. Try again in a moment."],
  not_ready: ["The service is starting", "It is loading what it judges with. Try again in a moment."],
  not_live: ["The service has stopped working", "Whoever runs it has to start it again."],
  deadline_exceeded: ["It took too long", "The service had no verdict in time. Try again."],
  unreachable: ["The service does not answer", "Check your connection, then try again."],
};
const OTHERWISE = ["Something went wrong", "Try again. If it happens once more, tell whoever runs this service."];

/** What the same photos may overcome later; all else needs other photos. */
const PASSING = new Set(["upload_timeout", "rate_limited", "key_busy", "unauthorized", "overloaded", "not_ready", "deadline_exceeded", "unreachable"]);

export class Problem extends Error {
  /** `code`: the service's, or `unreachable`, `cancelled`. `detail`: its `message`, `field`, `limit`. */
  constructor(code, detail = {}, retryAfter = 0) {
    super(detail.message ?? code);
    Object.assign(this, { code, field: detail.field, limit: detail.limit, retryAfter });
  }

  get passes() {
    return PASSING.has(this.code) || !(this.code in WORDS);
  }

  /** A title, and what to do. `nameOf(field)`: what the photo of a form field is called. */
  words(nameOf) {
    const [what, advice] = WORDS[this.code] ?? OTHERWISE;
    const photo = this.field ? nameOf(this.field) : "A photo";
    const title = /^[a-z]/.test(what) ? `${photo} ${what}` : what;
    if (this.code === "too_many_bytes") return [title, `Together at most ${Math.floor(this.limit / MEGABYTE)} MB can be sent.`];
    if (this.code === "too_many_pixels") return [title, `At most ${Math.floor(this.limit / 1e6)} megapixels. Make it smaller and try again.`];
    return [title, advice];
  }
}
