// The keys, and what they do.
import { KEYS } from "../keys.ts";

export function KeyList() {
  return (
    <div data-testid="dfa-keys">
      <dl class="dfa-keys">
        {KEYS.map(([, written, name, words]) => (
          <div key={name}>
            <dt>
              <kbd>{written}</kbd>
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
      <p class="dfa-note">
        Arrow keys move a slider, the dial or a point of the derivative; Escape leaves what was begun and shuts what was
        opened. The notebook's own ■ stops cells, not the training: that is what Pause is for.
      </p>
    </div>
  );
}
