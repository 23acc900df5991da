// Where the API is and who calls: the first form.

import { Api } from "./api.js";
import { ThreadRunner } from "./client/threadrunner.js";
import { CuttableWebSocket } from "./cuttable.js";
import { byId } from "./dom.js";
import { keep, recall } from "./kept.js";

// A person looks at the state and decides: nobody waits in vain.
const PATIENT = { giveUpAfter: 600_000 };
const baseURL = byId("base-url");
const key = byId("api-key");

/**
 * Set the form up.
 *
 * `connected` gets the API and a client once the key was accepted, and what was found with it;
 * `tell` gets what went wrong; `onStatus` hears of the client's connection.
 */
export function offerAccess({ connected, tell, onStatus }) {
  // This page is at .../playground, the API beside it.
  baseURL.value = recall("base-url") || new URL("v1", location.href).href;
  key.value = recall("key");

  const connect = async () => {
    const place = checkedURL();
    if (place === null) {
      tell(new Error(`This page may only talk to its own origin, ${location.origin}.`));
      return;
    }
    try {
      const api = new Api(place, key.value.trim());
      const found = await look(api);
      const options = { baseURL: place, apiKey: key.value.trim(), onStatus, timing: PATIENT };
      const client = new ThreadRunner({ ...options, WebSocket: CuttableWebSocket });
      keep("base-url", place);
      keep("key", key.value.trim());
      byId("access").open = false;
      connected({ api, client, ...found });
    } catch (error) {
      tell(error);
    }
  };

  byId("access-form").addEventListener("submit", (event) => {
    event.preventDefault();
    connect();
  });
  byId("forget").addEventListener("click", () => {
    for (const name of ["key", "thread", "assistant"]) keep(name, "");
    location.reload();
  });
  if (key.value) connect();
  else key.focus();
}

/** The base URL, if the page's policy lets it go there. */
function checkedURL() {
  try {
    const url = new URL(baseURL.value.trim(), location.href);
    return url.origin === location.origin ? url.href.replace(/\/+$/, "") : null;
  } catch {
    return null;
  }
}

/** What there is to choose from; a backend that lists no models is no reason to stop. */
async function look(api) {
  const [assistants, models] = await Promise.all([
    api.list("/assistants"),
    api.get("/models").catch(() => ({ data: [] })),
  ]);
  return { assistants, models: models.data };
}
