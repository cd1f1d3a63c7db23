// A value that components read and that anyone may replace; who subscribed hears of it.

export class Store<State> {
  private state: State;
  private readonly listeners = new Set<(state: State) => void>();

  constructor(state: State) {
    this.state = state;
  }

  get(): State {
    return this.state;
  }

  set(state: State): void {
    if (Object.is(state, this.state)) return;
    this.state = state;
    for (const listener of [...this.listeners]) listener(state);
  }

  /** Replace some fields of a state that is an object. */
  patch(fields: Partial<State>): void {
    this.set({ ...this.state, ...fields });
  }

  /** Call `listener` at each change from now on; returns what ends it. */
  subscribe(listener: (state: State) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
