// What a thread's runs used, as the service reports it, and what that costs at the user's prices.

import { byId } from "./dom.js";
import { keep, recall } from "./kept.js";

const prices = [byId("price-in"), byId("price-out")];
const PER = 1_000_000;

export class Usage {
  #runs = new Map();

  constructor() {
    for (const field of prices) {
      field.value = recall(field.id);
      field.addEventListener("input", () => {
        keep(field.id, field.value);
        this.#show();
      });
    }
    this.#show();
  }

  /** Note a run that has ended. */
  add({ id, usage }) {
    this.#runs.set(id, usage);
    this.#show();
  }

  /** Begin anew, with another thread. */
  clear() {
    this.#runs.clear();
    this.#show();
  }

  #show() {
    const reported = [...this.#runs.values()].filter((usage) => usage != null);
    const total = (name) => reported.reduce((sum, usage) => sum + usage[name], 0);
    const used = [total("prompt_tokens"), total("completion_tokens")];
    byId("tokens-in").textContent = used[0].toLocaleString();
    byId("tokens-out").textContent = used[1].toLocaleString();
    const priced = prices.every((field) => field.value !== "" && field.valueAsNumber >= 0);
    const cost = used.reduce((sum, n, at) => sum + (n * prices[at].valueAsNumber) / PER, 0);
    byId("cost").textContent = priced ? dollars(cost) : "not priced";
    const silent = this.#runs.size - reported.length;
    byId("cost-hint").textContent = [
      priced
        ? "An estimate: these tokens at your prices."
        : "Enter your model’s prices to see what this thread’s runs cost.",
      silent > 0 ? `${silent} of its runs reported no usage.` : "",
    ].join(" ");
  }
}

function dollars(amount) {
  const digits = amount === 0 || amount >= 1 ? 2 : 6;
  return `$${amount.toFixed(digits)}`;
}
