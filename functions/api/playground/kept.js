// What outlives a reload, and nothing else: kept by the tab, forgotten when it is closed.

const PREFIX = "threadrunner.";

/** A kept text; "" if there is none. */
export const recall = (name) => sessionStorage.getItem(PREFIX + name) ?? "";

/** Keep a text; an empty one is forgotten. */
export function keep(name, text) {
  if (text) sessionStorage.setItem(PREFIX + name, text);
  else sessionStorage.removeItem(PREFIX + name);
}
