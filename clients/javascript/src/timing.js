// How long the client waits for what, in milliseconds. The defaults suit API Gateway and a server
// that answers within 10 s.

const DEFAULTS = {
  connectTimeout: 10_000, // for one attempt to connect, the ticket included
  giveUpAfter: 60_000, // without a working connection, or without an answer
  firstDelay: 250, // before reconnecting, at most; each next may be twice as long
  longestDelay: 10_000,
  replyTimeout: 10_000, // nothing at all for so long after a request: the connection is dead
  gapWait: 500, // for a missing frame, before it is asked for; then twice as long each time
  longestGapWait: 15_000,
  refreshInterval: 120_000, // without an event, until the subscription is renewed
  pingInterval: 240_000, // the gateway closes a connection after 10 minutes without traffic
  connectionAge: 110 * 60_000, // the gateway ends a connection at 2 hours: replaced before
  fetchTimeout: 30_000, // for an event that was too large for a frame
};

/** The defaults with some times changed; throws RangeError if one is not above zero. */
export function timingWith(changes = {}) {
  for (const [name, time] of Object.entries(changes)) {
    if (!(name in DEFAULTS)) throw new RangeError(`There is no time called ${name}.`);
    if (!(time > 0)) throw new RangeError(`The time ${name} must be above zero.`);
  }
  return { ...DEFAULTS, ...changes };
}

/** A delay that is twice as long each time, up to a limit. */
export const grown = (first, times, limit) => Math.min(limit, first * 2 ** Math.min(times, 64));

/** A delay before an attempt: clients that were cut off together do not come back together. */
export function reconnectDelay({ firstDelay, longestDelay }, attempt, random) {
  return grown(firstDelay, attempt, longestDelay) * (0.5 + random() / 2);
}

/** A time in words. */
export const seconds = (milliseconds) => `${milliseconds / 1000} s`;
