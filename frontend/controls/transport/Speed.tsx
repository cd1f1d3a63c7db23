// How many steps a second, at most.
import { useLab } from "../../shared/lab.tsx";
import { useStore } from "../../shared/use_store.ts";
import { useSent } from "../fields/use_sent.ts";
import { blocked, reason } from "../reasons.ts";

const SPEEDS = [1, 3, 10, 30, 100, 300, 1000];

export function Speed() {
  const lab = useLab();
  const limit = useStore(lab.panel, (state) => state.limit);
  const hidden = useStore(lab.panel, ({ hide = [] }) => hide.includes("limit"));
  const why = useStore(lab.panel, (state) => reason(state, "limit"));
  const { shown, set } = useSent(limit, (wanted) => lab.act({ do: "limit", steps_per_s: wanted }));
  if (limit === undefined || hidden) return null;
  const now = shown as number | null;
  const speeds = now === null || SPEEDS.includes(now) ? SPEEDS : [...SPEEDS, now].sort((a, b) => a - b);
  return (
    <select
      class="dfa-menu dfa-speed"
      aria-label="speed"
      data-testid="dfa-limit"
      data-part="speed"
      value={now === null ? "" : String(now)}
      {...blocked(why, "Speed: steps a second, at most")}
      onChange={({ currentTarget }) => set(currentTarget.value === "" ? null : Number(currentTarget.value))}
    >
      {speeds.map((speed) => (
        <option key={speed} value={String(speed)}>
          {`${speed} step${speed <= 1 ? "" : "s"}/s`}
        </option>
      ))}
      <option value="">full speed</option>
    </select>
  );
}
