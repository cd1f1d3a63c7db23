// What the user set, until the kernel says that it is in force: a control goes on showing it, or goes back.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useLab } from "../../shared/lab.tsx";
import { useStore } from "../../shared/use_store.ts";
import { same } from "./values.ts";

const PATIENCE_MS = 3000;

export interface Sent {
  /** What to show: the last that was set, or what is in force. */
  shown: unknown;
  /** Whether the kernel has not confirmed it yet. */
  pending: boolean;
  set: (value: unknown) => void;
}

/** `value` is in force; `send` is called with what the user sets. What is refused, or not confirmed soon, is dropped. */
export function useSent(value: unknown, send: (value: unknown) => void): Sent {
  const lab = useLab();
  const [sent, setSent] = useState<unknown[]>([]);
  const refusal = useStore(lab.page, (state) => state.refusal);
  const before = useRef(value);
  useLayoutEffect(() => {
    if (same(value, before.current)) return;
    before.current = value;
    // One of several on their way: those after it are still to come.
    setSent((list) => {
      const place = list.findIndex((one) => same(one, value));
      return place < 0 ? [] : list.slice(place + 1);
    });
  });
  useLayoutEffect(() => setSent([]), [refusal]);
  useEffect(() => {
    if (!sent.length) return undefined;
    const timer = setTimeout(() => setSent([]), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [sent]);
  const set = (wanted: unknown) => {
    setSent((list) => [...list, wanted]);
    send(wanted);
  };
  return { shown: sent.length ? sent[sent.length - 1] : value, pending: sent.length > 0, set };
}
