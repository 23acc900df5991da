// The scenarios by name, in the order in which they were written down.

export const scenarios = new Map();

/** Register a scenario. */
export function scenario(name, run) {
  if (scenarios.has(name)) throw new Error(`There are two scenarios ${name}.`);
  scenarios.set(name, run);
}
