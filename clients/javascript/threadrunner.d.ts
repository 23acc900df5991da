// The types of src/threadrunner.js, where everything is described.

import type {
  Message,
  MessageDelta,
  Run,
  RunStep,
  RunStepDelta,
  Thread,
} from "./objects.js";

export type * from "./objects.js";

// --- Events: a union by name, in the shape of the openai package's AssistantStreamEvent.

interface Told<Name extends string, Data> {
  /** Its name. */
  event: Name;
  /** The object or delta. */
  data: Data;
  /** Its place in the run's log, such as "3-7"; give it as `after` to go on from here. */
  id: string;
  runId: string;
  threadId: string;
}

export type ThreadEvent = Told<"thread.created", Thread>;

/** The last event of a run. */
export type RunEndEvent =
  | Told<"thread.run.completed", Run>
  | Told<"thread.run.incomplete", Run>
  | Told<"thread.run.failed", Run>
  | Told<"thread.run.cancelled", Run>
  | Told<"thread.run.expired", Run>;

export type RunEvent =
  | RunEndEvent
  | Told<"thread.run.created", Run>
  | Told<"thread.run.queued", Run>
  | Told<"thread.run.in_progress", Run>
  | Told<"thread.run.requires_action", Run>
  | Told<"thread.run.cancelling", Run>;

export type RunStepEvent =
  | Told<"thread.run.step.created", RunStep>
  | Told<"thread.run.step.in_progress", RunStep>
  | Told<"thread.run.step.delta", RunStepDelta>
  | Told<"thread.run.step.completed", RunStep>
  | Told<"thread.run.step.failed", RunStep>
  | Told<"thread.run.step.cancelled", RunStep>
  | Told<"thread.run.step.expired", RunStep>;

export type MessageEvent =
  | Told<"thread.message.created", Message>
  | Told<"thread.message.in_progress", Message>
  | Told<"thread.message.delta", MessageDelta>
  | Told<"thread.message.completed", Message>
  | Told<"thread.message.incomplete", Message>;

export type RunStreamEvent = ThreadEvent | RunEvent | RunStepEvent | MessageEvent;

// --- The client

/** The answer of POST /v1/realtime/tickets. */
export interface Ticket {
  ticket: string;
  websocket_url: string;
  expires_at?: number;
  thread_id?: string | null;
}

/** Times in milliseconds. */
export interface Timing {
  connectTimeout: number;
  giveUpAfter: number;
  firstDelay: number;
  longestDelay: number;
  replyTimeout: number;
  gapWait: number;
  longestGapWait: number;
  refreshInterval: number;
  pingInterval: number;
  connectionAge: number;
  fetchTimeout: number;
}

export interface Status {
  state: "idle" | "connecting" | "open" | "reconnecting" | "closed";
  /** How many connections were opened. */
  connections: number;
  /** How many events came out. */
  events: number;
  /** How many events came that had come before, and were dropped. */
  duplicates: number;
  /** How often an event was seen to be missing. */
  gaps: number;
}

/** What the client uses of a WebSocket class: the global one's, `ws`' and others'. */
export interface WebSocketLike {
  onopen: ((event: any) => any) | null;
  onmessage: ((event: any) => any) | null;
  onerror: ((event: any) => any) | null;
  onclose: ((event: any) => any) | null;
  send(data: string): void;
  close(code?: number): void;
}

interface CommonOptions {
  timing?: Partial<Timing>;
  onStatus?: (status: Status) => void;
  WebSocket?: new (url: string) => WebSocketLike;
  fetch?: (url: string, options: RequestInit) => Promise<Response>;
  random?: () => number;
}

export type Options = CommonOptions &
  (
    | { baseURL: string; apiKey?: string; ticket?: (signal: AbortSignal) => Promise<Ticket> }
    | { baseURL?: undefined; apiKey?: undefined; ticket: (signal: AbortSignal) => Promise<Ticket> }
  );

/** Where a loop over events ends. */
export type Until = "pause" | "end" | "closed";

interface TargetOptions {
  until?: Until;
  signal?: AbortSignal;
}

export type SubscribeOptions = TargetOptions & { threadId: string } & (
    | { runId: string; after?: string | null }
    | { runId?: undefined; after?: undefined }
  );

export interface CreateRunOptions extends TargetOptions {
  /** Without it, a thread is created with the run. */
  threadId?: string;
  /** The body of the HTTP request that does the same. */
  run: { assistant_id: string; [name: string]: unknown };
  idempotencyKey?: string;
}

export interface CreatedRun {
  run: Run;
  runId: string;
  threadId: string;
  events: Subscription;
}

interface RunOptions {
  threadId: string;
  runId: string;
  idempotencyKey?: string;
  signal?: AbortSignal;
}

export interface SubmitToolOutputsOptions extends RunOptions {
  toolOutputs: { tool_call_id: string; output: string }[];
}

export type CancelRunOptions = RunOptions;

export interface Subscription extends AsyncIterable<RunStreamEvent> {
  /** Resolved when the server knows of the subscription: what happens then is not missed. */
  readonly ready: Promise<void>;
  /** The id of the last event that was read; null if there was none. */
  readonly last: string | null;
  close(): void;
  [Symbol.asyncIterator](): AsyncGenerator<RunStreamEvent, void, undefined>;
}

export class ThreadRunner {
  constructor(options: Options);
  readonly status: Status;
  subscribe(options: SubscribeOptions): Subscription;
  createRun(options: CreateRunOptions): Promise<CreatedRun>;
  submitToolOutputs(options: SubmitToolOutputsOptions): Promise<Run>;
  cancelRun(options: CancelRunOptions): Promise<Run>;
  close(): void;
}

// --- Errors

export class ThreadRunnerError extends Error {}
export class ConnectionLost extends ThreadRunnerError {}
export class AuthenticationError extends ThreadRunnerError {}
export class EventsExpired extends ThreadRunnerError {}
export class EventUnavailable extends ThreadRunnerError {}
export class ProtocolError extends ThreadRunnerError {}
export class RequestError extends ThreadRunnerError {
  readonly code: string | null;
  readonly param: string | null;
  readonly type: string | null;
}
