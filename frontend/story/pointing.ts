// Which parts of the screen a step points at, and how its dots look.
import type { StoryState } from "../shared/messages.ts";

/** Where the screen has no part of a name, these stand for it. */
const STANDS_FOR: Record<string, string[]> = {
  dials: ["network"],
  surface: ["picture"],
  matrix: ["picture"],
  mistakes: ["picture"],
  pictures: ["picture"],
  step: ["play"],
  reset: ["play"],
};

/** The parts that are outlined when a step points at `part`. */
export const pointedAt = (part: string): string[] => [part, ...(STANDS_FOR[part] ?? [])];

/** A style sheet that outlines them, inside the widget that has `data-points`; it holds for what is drawn later, too. */
export function pointer(part: string): string {
  if (!/^[a-z_]+$/.test(part)) return "";
  const found = pointedAt(part).map((name) => `[data-part~="${name}"]`);
  return `.dfa-root[data-points="${part}"] :is(${found.join(", ")}) {
  outline: 2px solid var(--dfa-accent);
  outline-offset: -2px;
  border-radius: 4px;
  background-color: color-mix(in srgb, var(--dfa-accent) 6%, transparent);
}`;
}

/** A word for each step's dot: "dfa-here", "dfa-seen" where it has appeared, "" where it has not. */
export function places({ count, place, steps }: Pick<StoryState, "count" | "place" | "steps">): string[] {
  return Array.from({ length: count }, (_, number) => {
    if (number === place) return "dfa-here";
    return number < steps.length ? "dfa-seen" : "";
  });
}
