// What goes over HTTP: tickets for the WebSocket, and whatever is too large for it.

import {
  AuthenticationError,
  ConnectionLost,
  EventUnavailable,
  Passing,
  RequestError,
} from "./errors.js";
import { isObject, isText } from "./order.js";
import { reconnectDelay } from "./timing.js";

const ROOT = "/v1";
// What a header can carry. A message of fetch would repeat a key that it refuses.
const SENDABLE = /^[\x21-\x7e]+$/;
const MAY_PASS = [408, 425, 429];

/** The API over HTTP. Throws TypeError if the base URL or the key cannot be used. */
export class Http {
  #root;
  #key;
  #options;

  constructor(options) {
    const { baseURL, apiKey } = options;
    this.#options = options;
    this.#root = baseURL === undefined ? null : rootOf(baseURL);
    if (apiKey !== undefined && !(isText(apiKey) && SENDABLE.test(apiKey))) {
      throw new TypeError("The API key is empty, or has characters that a header cannot carry.");
    }
    this.#key = apiKey;
  }

  /** A single-use ticket, made with the key. */
  async ticket(signal) {
    const response = await this.#request("POST", `${ROOT}/realtime/tickets`, { signal });
    if (response.ok) return json(response);
    throw new ConnectionLost(`The server gave no ticket: HTTP status ${response.status}.`);
  }

  /** An event with its data, fetched if it came by reference. */
  async whole({ href, ...event }, signal) {
    if (href === undefined) return event;
    const entry = (await this.get(href, signal))?.data?.[0];
    if (entry?.id === event.id && isObject(entry.data)) return { ...event, data: entry.data };
    throw new EventUnavailable("The API answered with something other than the event.");
  }

  /** What was too large for a frame, which said where it is. */
  async get(href, signal) {
    if (this.#root === null || !href.startsWith(`${ROOT}/`)) {
      throw new EventUnavailable("What is too large for a frame can be had with a `baseURL` only.");
    }
    const lost = (reason) => new EventUnavailable(`An event could not be fetched: ${reason}.`);
    const response = await this.#retrying("GET", href, { signal }, lost);
    if (response.ok) return response.body;
    throw lost(`HTTP status ${response.status}`);
  }

  /** Do what is too large for a WebSocket message; returns the run of the answer. */
  async post(path, body, idempotencyKey, signal) {
    if (this.#root === null) {
      throw new TypeError("A request this large goes over HTTP, which needs a `baseURL`.");
    }
    const headers = { "Content-Type": "application/json", "Idempotency-Key": idempotencyKey };
    const sent = { headers, body: JSON.stringify(body), signal };
    const lost = (reason) => new ConnectionLost(`The request was not answered: ${reason}.`);
    const response = await this.#retrying("POST", ROOT + path, sent, lost);
    if (response.ok) return response.body;
    throw new RequestError(response.body?.error ?? {});
  }

  /** Make a request until it is answered: the answer's status, and its body as JSON. */
  async #retrying(method, path, { signal, ...sent }, lost) {
    const { timing, random } = this.#options;
    const began = Date.now();
    for (let attempt = 0; ; attempt += 1) {
      const limits = [signal, AbortSignal.timeout(timing.fetchTimeout)];
      const limit = AbortSignal.any(limits.filter((each) => each != null));
      try {
        const response = await this.#request(method, path, { ...sent, signal: limit });
        const body = response.ok ? await json(response) : await errorOf(response);
        return { ok: response.ok, status: response.status, body };
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof Passing)) throw error;
        if (Date.now() - began >= timing.giveUpAfter) throw lost(error.message);
      }
      const delay = reconnectDelay(timing, attempt, random);
      await new Promise((resolve) => setTimeout(resolve, delay));
    }
  }

  /** A response, if it is one to act upon; throws Passing if the request may be repeated. */
  async #request(method, path, { headers = {}, ...sent }) {
    const key = this.#key === undefined ? {} : { Authorization: `Bearer ${this.#key}` };
    // A redirect would take the key along, wherever it leads.
    const careful = { redirect: "error", cache: "no-store", credentials: "omit" };
    let response;
    try {
      const request = { method, headers: { ...headers, ...key }, ...sent, ...careful };
      response = await this.#options.fetch(this.#root + path, request);
    } catch (error) {
      throw new Passing(`the request failed (${error?.name})`);
    }
    if (response.ok) return response;
    const { status } = response;
    if (status === 401 || status === 403) {
      throw new AuthenticationError(`The server does not accept the API key (HTTP ${status}).`);
    }
    if (status >= 500 || MAY_PASS.includes(status)) throw new Passing(`HTTP status ${status}`);
    return response;
  }
}

/** The part of the API's base URL that stands before `/v1`. */
function rootOf(baseURL) {
  const url = new URL(baseURL, globalThis.location?.href);
  if (!["http:", "https:"].includes(url.protocol) || url.search || url.hash || url.username) {
    throw new TypeError("`baseURL` must be an http: or https: URL with nothing after its path.");
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "").replace(/\/v1$/, "")}`;
}

/** The body of an answer that is not a success; null if it is not one of the API's. */
async function errorOf(response) {
  return response.json().catch(() => null);
}

async function json(response) {
  try {
    return await response.json();
  } catch (error) {
    throw new Passing(`the response broke off (${error?.name})`);
  }
}
