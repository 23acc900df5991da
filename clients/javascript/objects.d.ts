// The objects and deltas that events carry: OpenAI's shapes, as ThreadRunner fills them.

export type Metadata = Record<string, string>;

export interface Usage {
  completion_tokens: number;
  prompt_tokens: number;
  total_tokens: number;
}

// --- Threads and messages

export interface Thread {
  id: string;
  object: "thread";
  created_at: number;
  metadata: Metadata | null;
  tool_resources: {
    code_interpreter?: { file_ids?: string[] };
    file_search?: { vector_store_ids?: string[] };
  } | null;
}

export interface FileCitation {
  type: "file_citation";
  text: string;
  start_index: number;
  end_index: number;
  file_citation: { file_id: string };
}

export interface FilePath {
  type: "file_path";
  text: string;
  start_index: number;
  end_index: number;
  file_path: { file_id: string };
}

export interface TextContent {
  type: "text";
  text: { value: string; annotations: (FileCitation | FilePath)[] };
}

export interface RefusalContent {
  type: "refusal";
  refusal: string;
}

export interface ImageFileContent {
  type: "image_file";
  image_file: { file_id: string; detail?: "auto" | "low" | "high" };
}

export interface ImageUrlContent {
  type: "image_url";
  image_url: { url: string; detail?: "auto" | "low" | "high" };
}

export interface Message {
  id: string;
  object: "thread.message";
  created_at: number;
  completed_at: number | null;
  incomplete_at: number | null;
  incomplete_details: {
    reason: "content_filter" | "max_tokens" | "run_cancelled" | "run_expired" | "run_failed";
  } | null;
  thread_id: string;
  run_id: string | null;
  assistant_id: string | null;
  role: "user" | "assistant";
  status: "in_progress" | "incomplete" | "completed";
  content: (TextContent | RefusalContent | ImageFileContent | ImageUrlContent)[];
  attachments:
    | { file_id?: string; tools?: ({ type: "code_interpreter" } | { type: "file_search" })[] }[]
    | null;
  metadata: Metadata | null;
}

export interface MessageDelta {
  id: string;
  object: "thread.message.delta";
  delta: {
    role?: "user" | "assistant";
    content?: (
      | { index: number; type: "text"; text?: { value?: string } }
      | { index: number; type: "refusal"; refusal?: string }
    )[];
  };
}

// --- Runs

export type RunStatus =
  | "queued"
  | "in_progress"
  | "requires_action"
  | "cancelling"
  | "cancelled"
  | "failed"
  | "completed"
  | "incomplete"
  | "expired";

/** A function that the run waits for, until its output is submitted. */
export interface RequiredFunctionCall {
  id: string;
  type: "function";
  function: { name: string; arguments: string };
}

export interface Run {
  id: string;
  object: "thread.run";
  created_at: number;
  started_at: number | null;
  expires_at: number | null;
  cancelled_at: number | null;
  failed_at: number | null;
  completed_at: number | null;
  thread_id: string;
  assistant_id: string;
  status: RunStatus;
  required_action: {
    type: "submit_tool_outputs";
    submit_tool_outputs: { tool_calls: RequiredFunctionCall[] };
  } | null;
  last_error: {
    code: "server_error" | "rate_limit_exceeded" | "invalid_prompt";
    message: string;
  } | null;
  incomplete_details: { reason?: "max_completion_tokens" | "max_prompt_tokens" } | null;
  model: string;
  instructions: string;
  /** As the assistant or the run named them; ThreadRunner has types of its own beside OpenAI's. */
  tools: any[];
  tool_choice: any;
  response_format: any;
  parallel_tool_calls: boolean;
  max_prompt_tokens: number | null;
  max_completion_tokens: number | null;
  truncation_strategy: {
    type: "auto" | "last_messages";
    last_messages?: number | null;
  } | null;
  temperature?: number | null;
  top_p?: number | null;
  metadata: Metadata | null;
  usage: Usage | null;
}

// --- Run steps

export interface CalledFunction {
  name: string;
  arguments: string;
  output: string | null;
}

/** A call that the client answers. */
export interface FunctionToolCall {
  id: string;
  type: "function";
  function: CalledFunction;
}

/** A call of an action, which the service carries out. OpenAI has no such type. */
export interface ActionToolCall {
  id: string;
  type: "action";
  action: CalledFunction;
}

/** A web search, which the service carries out. OpenAI has no such type. */
export interface WebSearchToolCall {
  id: string;
  type: "web_search";
  web_search: CalledFunction;
}

export type ToolCall = FunctionToolCall | ActionToolCall | WebSearchToolCall;

/** Part of a call; deltas of one call have one index. */
export type ToolCallDelta =
  | { index: number; id?: string; type: "function"; function?: Partial<CalledFunction> }
  | { index: number; id?: string; type: "action"; action?: Partial<CalledFunction> }
  | { index: number; id?: string; type: "web_search"; web_search?: Partial<CalledFunction> };

export interface RunStep {
  id: string;
  object: "thread.run.step";
  created_at: number;
  cancelled_at: number | null;
  completed_at: number | null;
  expired_at: number | null;
  failed_at: number | null;
  thread_id: string;
  run_id: string;
  assistant_id: string;
  type: "message_creation" | "tool_calls";
  status: "in_progress" | "cancelled" | "failed" | "completed" | "expired";
  step_details:
    | { type: "message_creation"; message_creation: { message_id: string } }
    | { type: "tool_calls"; tool_calls: ToolCall[] };
  last_error: { code: "server_error" | "rate_limit_exceeded"; message: string } | null;
  metadata: Metadata | null;
  usage: Usage | null;
}

export interface RunStepDelta {
  id: string;
  object: "thread.run.step.delta";
  delta: {
    step_details?:
      | { type: "message_creation"; message_creation?: { message_id?: string } }
      | { type: "tool_calls"; tool_calls?: ToolCallDelta[] };
  };
}
