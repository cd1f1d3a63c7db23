// The event log as a table, newest first; a row's button shows that step on the curves.
import { useLab } from "../../shared/lab.tsx";
import type { EventRow } from "../../shared/messages.ts";
import { useStore } from "../../shared/use_store.ts";
import { count } from "../../shared/words.ts";
import { blocked, reason } from "../reasons.ts";

const NONE: EventRow[] = [];

export function Events() {
  const lab = useLab();
  const events = useStore(lab.panel, (state) => state.events) ?? NONE;
  const why = useStore(lab.panel, (state) => reason(state, "focus"));
  if (!events.length) return <p class="dfa-note">Nothing was changed yet. Every change leaves a line here.</p>;
  const rows = events.map((event, number) => ({ ...event, number })).reverse();
  return (
    // biome-ignore lint/a11y/useSemanticElements: a table that scrolls
    <div class="dfa-scroll-box" tabindex={0} role="region" aria-label="events, newest first" data-testid="dfa-events">
      <table>
        <thead>
          <tr>
            <th scope="col">step</th>
            <th scope="col">change</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ step, text, number }) => (
            <tr key={number} data-testid={`dfa-event-${number}`}>
              <td>
                <button
                  type="button"
                  class="dfa-link"
                  aria-label={`show step ${count(step)}`}
                  data-event={number}
                  {...blocked(why, "Show this step on the curves")}
                  onClick={() => lab.act({ do: "focus", step })}
                >
                  {count(step)}
                </button>
              </td>
              <td>{text}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
