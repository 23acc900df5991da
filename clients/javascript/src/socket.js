// One WebSocket, opened with a single-use ticket: a browser cannot send a header with it, and a key
// in a URL would end up in logs.

import { Passing, ProtocolError } from "./errors.js";
import { isText } from "./order.js";

/** The version of docs/websocket.md that this client speaks; a server with another one refuses it. */
const PROTOCOL = "1";

/**
 * Get a ticket and open a socket with it.
 *
 * `receive` is given each message's text. Throws what `ticket` throws, the signal's reason, or
 * Passing if there is no handshake: a browser does not tell why.
 */
export async function openSocket({ WebSocket, ticket, receive }, signal) {
  const granted = await orAbort(ticket(signal), signal);
  const url = ticketUrl(granted);
  const socket = new WebSocket(url);
  socket.onmessage = ({ data }) => receive(data);
  const opened = new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = socket.onclose = () => reject(new Passing("it could not be opened"));
  });
  try {
    await orAbort(opened, signal);
  } catch (error) {
    dropSocket(socket);
    throw error;
  }
  return socket;
}

/** Close a socket, and hear no more of it. */
export function dropSocket(socket) {
  socket.onmessage = socket.onclose = null;
  // Some implementations throw an error that nobody listens to.
  socket.onerror = () => {};
  socket.close();
}

function ticketUrl(granted) {
  const { websocket_url: address, ticket } = granted ?? {};
  let url = null;
  try {
    url = new URL(address);
  } catch {
    // The message of a URL's error repeats the URL.
  }
  if (!["ws:", "wss:"].includes(url?.protocol) || !isText(ticket)) {
    throw new ProtocolError("A ticket came without itself or without a ws: or wss: URL.");
  }
  url.searchParams.set("ticket", ticket);
  url.searchParams.set("protocol", PROTOCOL);
  return url.href;
}

async function orAbort(promise, signal) {
  let abort;
  const aborted = new Promise((_resolve, reject) => {
    abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
