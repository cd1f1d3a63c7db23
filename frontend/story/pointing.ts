// Which parts of the screen a step points at, and how its dots look.
import type { StoryState } from "../shared/messages.ts";

/** What else a part is called on the screen: a picture is any picture, and Pause has the place of Play. */
const ALSO: Record<string, string[]> = {
  dials: ["network"],
  feedback: ["feedback_init"],
  derivative: ["activation_derivative"],
  surface: ["picture"],
  matrix: ["picture"],
  mistakes: ["picture"],
  pictures: ["picture"],
  play: ["pause"],
};

/** The names that are outlined when a step points at `part`. */
export const pointedAt = (part: string): string[] => [part, ...(ALSO[part] ?? [])];

const selectors = (name: string) => [
  `[data-part~="${name}"]`,
  `[data-testid="dfa-panel-${name}"]`,
  `[data-testid="dfa-do-${name}"]`,
];

/** A style sheet that outlines them, inside the widget that has `data-points`; it holds for what is drawn later, too. */
export function pointer(part: string): string {
  if (!/^[a-z_]+$/.test(part)) return "";
  return `.dfa-root[data-points="${part}"] :is(${pointedAt(part).flatMap(selectors).join(", ")}) {
  outline: 2px solid var(--dfa-accent);
  outline-offset: -2px;
  border-radius: 4px;
}`;
}

/** A word for each step's dot: "dfa-here", "dfa-seen" where it has appeared, "" where it has not. */
export function places({ count, place, steps }: Pick<StoryState, "count" | "place" | "steps">): string[] {
  return Array.from({ length: count }, (_, number) => {
    if (number === place) return "dfa-here";
    return number < steps.length ? "dfa-seen" : "";
  });
}
