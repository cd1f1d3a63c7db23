// What every widget of ours does with its kernel: ask for everything until it comes, and hear what is sent.
const ASK_AGAIN_MS = 1000;

export const hello = (model) => model.send({ type: "hello" });

/** `waits()` says whether everything is still awaited; `receive(message, buffers)` hears messages. Returns what ends it. */
export function greet(model, waits, receive) {
  // A hello can be lost: while a page reloads, JupyterLab may send it to a subshell that is gone already.
  const asking = setInterval(() => waits() && hello(model), ASK_AGAIN_MS);
  model.on("msg:custom", receive);
  hello(model);
  return () => {
    clearInterval(asking);
    model.off("msg:custom", receive);
  };
}
