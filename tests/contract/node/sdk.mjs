// One way to call every major version of the SDK.
//
// Version 5 turned the arguments around (the innermost id first, the others by name) and renamed
// `del` to `delete`. A program that stays with its version never sees that; these scenarios are
// written once, so they call the methods in question through here.

/** Return the methods whose form differs between the versions. */
export function methodsOf(client, major) {
  return major < 5 ? olderMethods(client) : newerMethods(client);
}

function olderMethods({ beta: { assistants, threads }, files }) {
  const { messages, runs } = threads;
  return {
    deleteAssistant: (id) => assistants.del(id),
    deleteThread: (id) => threads.del(id),
    deleteFile: (id) => files.del(id),
    getMessage: (thread, id) => messages.retrieve(thread, id),
    updateMessage: (thread, id, body) => messages.update(thread, id, body),
    deleteMessage: (thread, id) => messages.del(thread, id),
    getRun: (thread, id) => runs.retrieve(thread, id),
    updateRun: (thread, id, body) => runs.update(thread, id, body),
    cancelRun: (thread, id) => runs.cancel(thread, id),
    pollRun: (thread, id, options) => runs.poll(thread, id, options),
    submit: (thread, id, body) => runs.submitToolOutputs(thread, id, body),
    submitAndPoll: (thread, id, body, options) =>
      runs.submitToolOutputsAndPoll(thread, id, body, options),
    submitStream: (thread, id, body) => runs.submitToolOutputsStream(thread, id, body),
    listSteps: (thread, run, query) => runs.steps.list(thread, run, query),
    getStep: (thread, run, id) => runs.steps.retrieve(thread, run, id),
  };
}

function newerMethods({ beta: { assistants, threads }, files }) {
  const { messages, runs } = threads;
  return {
    deleteAssistant: (id) => assistants.delete(id),
    deleteThread: (id) => threads.delete(id),
    deleteFile: (id) => files.delete(id),
    getMessage: (thread_id, id) => messages.retrieve(id, { thread_id }),
    updateMessage: (thread_id, id, body) => messages.update(id, { thread_id, ...body }),
    deleteMessage: (thread_id, id) => messages.delete(id, { thread_id }),
    getRun: (thread_id, id) => runs.retrieve(id, { thread_id }),
    updateRun: (thread_id, id, body) => runs.update(id, { thread_id, ...body }),
    cancelRun: (thread_id, id) => runs.cancel(id, { thread_id }),
    pollRun: (thread_id, id, options) => runs.poll(id, { thread_id }, options),
    submit: (thread_id, id, body) => runs.submitToolOutputs(id, { thread_id, ...body }),
    submitAndPoll: (thread_id, id, body, options) =>
      runs.submitToolOutputsAndPoll(id, { thread_id, ...body }, options),
    submitStream: (thread_id, id, body) => runs.submitToolOutputsStream(id, { thread_id, ...body }),
    listSteps: (thread_id, run, query) => runs.steps.list(run, { thread_id, ...query }),
    getStep: (thread_id, run_id, id) => runs.steps.retrieve(id, { thread_id, run_id }),
  };
}
