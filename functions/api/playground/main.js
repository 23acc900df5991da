// The page put together.

import { offerAccess } from "./access.js";
import { Assistants } from "./assistants.js";
import { Conversation } from "./conversation.js";
import { cutAll } from "./cuttable.js";
import { byId } from "./dom.js";
import { EventLog } from "./events.js";
import { recall } from "./kept.js";
import { Talk } from "./talk.js";
import { Usage } from "./usage.js";

const message = byId("message");
let talk = null;
let client = null;
let assistantId = null;

const tell = (error) => conversation.complain(error);
const assistants = new Assistants({ changed: chooseAssistant, tell });
const conversation = new Conversation((id) => assistants.nameOf(id));
const log = new EventLog();
const usage = new Usage();

function chooseAssistant(id) {
  assistantId = id;
  show();
}

/** Let the buttons say what can be done. */
function show() {
  const busy = talk?.busy ?? false;
  byId("send").disabled = talk === null || busy || assistantId === null;
  byId("send").hidden = busy;
  byId("cancel").hidden = !busy;
  byId("open-thread").disabled = byId("new-thread").disabled = talk === null;
}

function connected(found) {
  client?.close();
  client = found.client;
  log.update(client.status);
  talk = new Talk(found.api, client, { conversation, log, usage, changed: show });
  assistants.show(found);
  const kept = recall("thread");
  talk.reset();
  if (kept) talk.open(kept).catch(tell);
  if (assistantId !== null) message.focus();
  show();
}

function send() {
  const text = message.value.trim();
  if (text === "" || byId("send").disabled) return;
  message.value = "";
  talk.say(text, assistantId).catch(tell);
}

const cancel = () => talk?.cancel().catch(tell);

byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
message.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && talk?.busy) cancel();
});
byId("cancel").addEventListener("click", cancel);
byId("cut").addEventListener("click", cutAll);
byId("new-thread").addEventListener("click", () => {
  talk.reset();
  message.focus();
});
byId("thread-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const id = byId("thread-id").value.trim();
  if (id) talk.open(id).catch(tell);
});
// On a phone, what is not needed to talk is folded away.
if (matchMedia("(max-width: 46rem)").matches) {
  for (const name of ["usage", "events"]) byId(name).open = false;
}

offerAccess({ connected, tell, onStatus: (status) => log.update(status) });
