// Elements by hand: text goes in as text, so nothing that a model says can become markup.

/** The element with an id. */
export const byId = (id) => document.getElementById(id);

/** A new element with properties (`dataset` too) and children. */
export function element(name, { dataset = {}, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  Object.assign(made.dataset, dataset);
  made.append(...children);
  return made;
}

/** Call a function at most once a frame, however often it is asked for. */
export function oncePerFrame(draw) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
}
