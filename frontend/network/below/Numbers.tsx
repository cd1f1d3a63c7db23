// The same as the picture, as digits: the arithmetic of one unit for one sample.
import "./below.css";
import type { UnitNumbers } from "../../shared/messages.ts";

const LONG = 14; // what is longer, such as a vector, has a line of its own

export function Numbers({ numbers, left, close }: { numbers: UnitNumbers | null; left: boolean; close: () => void }) {
  return (
    <section
      class={left ? "dfa-numbers dfa-at-left" : "dfa-numbers"}
      aria-label="numbers of one unit"
      data-testid="dfa-numbers"
    >
      <header>
        <h3>{numbers?.title ?? "Numbers of one unit"}</h3>
        <button type="button" class="dfa-button dfa-quiet" aria-label="close the numbers" onClick={close}>
          ✕
        </button>
      </header>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard */}
      <section class="dfa-scroll" tabIndex={0} aria-label="the unit’s arithmetic">
        {numbers ? (
          <dl>
            {numbers.lines.map(({ symbol, name, formula, value }) => (
              <div key={symbol + name}>
                <dt>
                  <b>{symbol}</b> <span class="dfa-note">{name}</span>
                </dt>
                <dd class={value.length > LONG ? "dfa-unit-value dfa-long" : "dfa-unit-value"}>{value}</dd>
                <dd class="dfa-formula">{formula}</dd>
              </div>
            ))}
          </dl>
        ) : (
          <p>Click a unit of a layer: its sums for this sample appear here.</p>
        )}
      </section>
    </section>
  );
}
