// A component that reads a store is drawn again when what it picked has changed.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Store } from "./store.ts";

/** What `pick` takes from the store's state now. Pick a field, not a new object, or every change draws again. */
export function useStore<State, Picked>(store: Store<State>, pick: (state: State) => Picked): Picked {
  const [, redraw] = useState(0);
  const picker = useRef(pick);
  const shown = useRef<Picked>(pick(store.get()));
  picker.current = pick;
  shown.current = pick(store.get());
  useLayoutEffect(() => {
    const look = (state: State) => {
      if (!Object.is(picker.current(state), shown.current)) redraw((count) => count + 1);
    };
    look(store.get());
    return store.subscribe(look);
  }, [store]);
  return shown.current;
}
