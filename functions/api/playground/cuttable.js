// WebSockets that can be cut from outside, as a broken network would.

const open = new Set();

/** A WebSocket that `cutAll` knows. */
export class CuttableWebSocket extends WebSocket {
  constructor(url) {
    super(url);
    open.add(this);
    this.addEventListener("close", () => open.delete(this));
  }
}

/** Close every connection under the client's feet. */
export function cutAll() {
  for (const socket of open) socket.close();
}
