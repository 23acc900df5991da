// Choosing an assistant, or making one.

import { byId, element } from "./dom.js";
import { keep, recall } from "./kept.js";

const EXAMPLE = {
  type: "function",
  function: {
    name: "get_weather",
    description: "Tells the weather in a city.",
    parameters: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
    },
  },
};
const choice = byId("assistant");
const form = byId("assistant-form");

/** Set the forms up; `changed` gets the id of the assistant that is chosen, or null. */
export class Assistants {
  #changed;
  #api = null;
  #names = new Map();

  constructor({ changed, tell }) {
    this.#changed = changed;
    choice.addEventListener("change", () => this.#choose(choice.value));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#make().catch(tell);
    });
    byId("example-tool").addEventListener("click", () => {
      byId("assistant-tools").value = JSON.stringify([EXAMPLE], null, 2);
    });
  }

  /** Show what the key found. */
  show({ api, assistants, models }) {
    this.#api = api;
    choice.replaceChildren(choice.options[0]);
    for (const assistant of assistants) this.#add(assistant);
    byId("models").replaceChildren(...models.map(({ id }) => element("option", { value: id })));
    const model = byId("assistant-model");
    if (!model.value && models.length) model.value = models[0].id;
    choice.disabled = byId("make-assistant").disabled = false;
    const known = recall("assistant");
    const first = this.#names.has(known) ? known : (assistants[0]?.id ?? "");
    this.#choose(first);
    if (first === "") byId("assistants").open = true;
  }

  /** The name of an assistant, for people. */
  nameOf(id) {
    return this.#names.get(id) ?? "Assistant";
  }

  #add({ id, name, model }) {
    this.#names.set(id, name || "Assistant");
    choice.append(element("option", { value: id, textContent: `${name || id} (${model})` }));
  }

  #choose(id) {
    choice.value = id;
    byId("assistant-now").textContent = this.#names.get(id) ?? "";
    form.hidden = id !== "";
    keep("assistant", id);
    this.#changed(id || null);
  }

  async #make() {
    const assistant = await this.#api.post("/assistants", {
      name: byId("assistant-name").value.trim() || null,
      model: byId("assistant-model").value.trim(),
      instructions: byId("assistant-instructions").value.trim() || null,
      tools: readTools(byId("assistant-tools").value),
    });
    this.#add(assistant);
    this.#choose(assistant.id);
    byId("assistants").open = false;
    byId("message").focus();
  }
}

/** The tools that a text of JSON describes: tools as the API takes them, or bare functions. */
function readTools(text) {
  if (!text.trim()) return [];
  let tools;
  try {
    tools = JSON.parse(text);
  } catch {
    throw new Error("The function tools are not JSON.");
  }
  const list = Array.isArray(tools) ? tools : [tools];
  return list.map((tool) => (tool?.type ? tool : { type: "function", function: tool }));
}
