// Checked by `tsc --noEmit`, never run: what a program may rely on, and what it may not.

import type { AssistantStreamEvent } from "openai-7/resources/beta/assistants";
import { RequestError, type RunStreamEvent, ThreadRunner } from "threadrunner-client";

const client = new ThreadRunner({ baseURL: "/v1", apiKey: "sk-…", timing: { giveUpAfter: 1 } });
new ThreadRunner({ ticket: async () => ({ ticket: "t", websocket_url: "wss://…" }) });
// @ts-expect-error: there must be a way to a ticket.
new ThreadRunner({});
// @ts-expect-error: ids of events count per run.
client.subscribe({ threadId: "thread_1", after: "1-0" });

export async function follow(): Promise<string> {
  let text = "";
  const created = await client.createRun({ run: { assistant_id: "asst_1" } });
  for await (const event of created.events) {
    // The name tells what the data is.
    if (event.event === "thread.message.delta") {
      for (const part of event.data.delta.content ?? []) {
        if (part.type === "text") text += part.text?.value ?? "";
      }
    } else if (event.event === "thread.run.requires_action") {
      const calls = event.data.required_action?.submit_tool_outputs.tool_calls ?? [];
      const toolOutputs = calls.map(({ id, function: called }) => {
        return { tool_call_id: id, output: called.name };
      });
      const { threadId, runId } = event;
      const { status } = await client.submitToolOutputs({ threadId, runId, toolOutputs });
      if (status === "queued") await client.cancelRun({ threadId, runId });
    } else if (event.event === "thread.run.step.completed") {
      const details = event.data.step_details;
      // @ts-expect-error: a step that wrote a message called no tools.
      details.tool_calls;
    }
  }
  return text;
}

export const code = (error: unknown) => (error instanceof RequestError ? error.code : null);

// Programs for the SDK's events take these as they are, but for steps that call tools which OpenAI
// does not have.
type StepEvent = { event: `thread.run.step.${string}` };
export const asSdkEvent = (event: Exclude<RunStreamEvent, StepEvent>): AssistantStreamEvent => event;

// Both know the same names; "error" is for HTTP streams alone.
type Same<One, Other> = [One] extends [Other] ? ([Other] extends [One] ? true : never) : never;
type Names = Exclude<AssistantStreamEvent["event"], "error">;
export const sameNames: Same<RunStreamEvent["event"], Names> = true;
