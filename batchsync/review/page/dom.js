// Elements from text. Nothing here, or anywhere in this page, makes markup out of strings.

export const byId = (id) => document.getElementById(id);

/** An element with a class, text and children; names of jobs and the like are only ever text. */
export function make(tag, className = "", ...content) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...content.filter((part) => part !== null && part !== undefined));
  return element;
}

/** `in flight` as a class for its colour. */
export const tint = (word) => `tint-${word.replaceAll(" ", "-")}`;

export const count = new Intl.NumberFormat("en");

export function clock(seconds) {
  const whole = Math.max(0, seconds || 0);
  const minutes = Math.floor(whole / 60);
  return `${minutes}:${(whole - minutes * 60).toFixed(1).padStart(4, "0")}`;
}

export function bytes(size) {
  if (size < 1000) return `${size} bytes`;
  const power = Math.min(3, Math.floor(Math.log10(size) / 3));
  return `${(size / 1000 ** power).toFixed(1)} ${["", "kB", "MB", "GB"][power]}`;
}

/** A command or a path, with a button that copies it. */
export function copyable(text, what = "Copy") {
  const button = make("button", "quiet small", what);
  button.type = "button";
  button.setAttribute("aria-label", `${what}: ${text}`);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select it and copy";
    }
    setTimeout(() => { button.textContent = what; }, 1500);
  });
  const fragment = document.createDocumentFragment();
  const code = make("code", "", text);
  code.dir = "auto";
  fragment.append(code, button);
  return fragment;
}
