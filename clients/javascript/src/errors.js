// What a user of the client may meet. None of these ever holds a key, a ticket, a URL's query or the
// content of an event.

/** Anything that the client throws on its own account. */
export class ThreadRunnerError extends Error {
  constructor(message) {
    super(message);
    this.name = new.target.name;
  }
}

/** There was no usable connection for too long, or the server refused one for good. */
export class ConnectionLost extends ThreadRunnerError {}

/** The server does not accept the key (HTTP 401 or 403). */
export class AuthenticationError extends ThreadRunnerError {}

/** The server refused a subscription or a run; `code`, `param` and `type` are its own words. */
export class RequestError extends ThreadRunnerError {
  constructor({ message, code = null, param = null, type = null }) {
    super(message || "The server gave no reason.");
    Object.assign(this, { code, param, type });
  }
}

/** Events are missing that the server no longer has: its log is kept for a limited time. */
export class EventsExpired extends ThreadRunnerError {}

/** An event that was too large for a frame could not be fetched over HTTP. */
export class EventUnavailable extends ThreadRunnerError {}

/** The server sent something that is not the protocol. */
export class ProtocolError extends ThreadRunnerError {}

/** A failure that may pass: the client tries again. Callers never see it. */
export class Passing extends Error {}
