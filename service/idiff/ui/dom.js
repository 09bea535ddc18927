// Making and finding elements.

export const find = (id) => document.getElementById(id);

/** An element; `properties` are set as attributes, children are elements or text. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

/** Set custom properties, which style sheets turn into lengths; the page's policy forbids style attributes. */
export function style(element, properties) {
  for (const [name, value] of Object.entries(properties)) element.style.setProperty(name, value);
  return element;
}

/** A choice between few: `options` are [value, text]. `choose` gets the value. */
export function segments(name, legend, options, choose) {
  const set = make("fieldset", { class: "segments" }, make("legend", { class: "heard" }, legend));
  for (const [index, [value, text]] of options.entries()) {
    const input = make("input", { type: "radio", name, value, checked: index === 0 });
    input.addEventListener("change", () => choose(value));
    set.append(make("label", {}, input, text));
  }
  return set;
}
