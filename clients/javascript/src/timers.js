// Timers by name: setting one anew takes the place of the last one.

export class Timers {
  #timers = new Map();
  #run;

  /** `run` carries out what is due. */
  constructor(run) {
    this.#run = run;
  }

  set(name, delay, action) {
    this.clear(name);
    const due = () => {
      this.#timers.delete(name);
      this.#run(action);
    };
    this.#timers.set(name, setTimeout(due, delay));
  }

  has(name) {
    return this.#timers.has(name);
  }

  clear(...names) {
    for (const name of names) {
      clearTimeout(this.#timers.get(name));
      this.#timers.delete(name);
    }
  }
}
