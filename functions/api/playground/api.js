// The API over HTTP, with a project's key.

/** An answer that is not a success, in the server's words. */
export class ApiError extends Error {
  constructor(status, error) {
    super(error?.message ?? `The server answered with HTTP status ${status}.`);
    this.status = status;
  }
}

export class Api {
  #baseURL;
  #key;

  constructor(baseURL, key) {
    this.#baseURL = baseURL.replace(/\/+$/, "");
    this.#key = key;
  }

  get(path) {
    return this.#request("GET", path);
  }

  post(path, body = {}) {
    return this.#request("POST", path, body);
  }

  /** The newest of a list, up to a hundred. */
  async list(path) {
    return (await this.get(`${path}${path.includes("?") ? "&" : "?"}limit=100`)).data;
  }

  async #request(method, path, body) {
    const headers = { Authorization: `Bearer ${this.#key}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const sent = { method, headers, body: JSON.stringify(body), cache: "no-store" };
    let response;
    try {
      response = await fetch(this.#baseURL + path, sent);
    } catch {
      throw new Error("The API does not answer: check the base URL and the network.");
    }
    const answer = await response.json().catch(() => null);
    if (!response.ok) throw new ApiError(response.status, answer?.error);
    return answer;
  }
}
