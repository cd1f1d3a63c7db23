// A question in the page: what begins anew drops the runs that go on beside.
import { useLayoutEffect, useRef } from "preact/hooks";
import { focusedBeside } from "../../shared/keys.ts";
import { useLab } from "../../shared/lab.tsx";
import { useStore } from "../../shared/use_store.ts";

export function Question() {
  const lab = useLab();
  const words = useStore(lab.page, (state) => state.question?.words ?? "");
  const no = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => {
    if (!words) return undefined;
    const from = focusedBeside(no.current);
    no.current?.focus();
    return () => from?.focus({ preventScroll: true });
  }, [words]);
  if (!words) return null;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset asks for values
    <div
      class="dfa-question"
      role="group"
      aria-label="other runs would be dropped"
      data-testid="dfa-ask"
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        lab.answer(false);
      }}
    >
      <span data-testid="dfa-ask-words">{words}</span>
      <button type="button" class="dfa-button" data-testid="dfa-ask-yes" onClick={() => lab.answer(true)}>
        Do it
      </button>
      <button ref={no} type="button" class="dfa-button" data-testid="dfa-ask-no" onClick={() => lab.answer(false)}>
        Keep them
      </button>
    </div>
  );
}
