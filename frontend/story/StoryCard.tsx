// A story's step: what it says, its place among the others, and how to go on. What it points at is outlined.
import "./story.css";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Message } from "../shared/link.ts";
import { BUTTONS, type StoryState } from "../shared/messages.ts";
import { places, pointer } from "./pointing.ts";

type Props = { story: StoryState; act: (message: Message) => void };

export function StoryCard({ story, act }: Props) {
  const box = useRef<HTMLElement>(null);
  const { title, steps, place, told, ended, waits_for, stuck, next_takes_offer } = story;
  const step = steps[place];
  const here = `${title} ${place}`;
  const [taken, take] = useState("");
  const part = told ? step.part : "";
  useLayoutEffect(() => {
    const root = box.current?.closest<HTMLElement>(".dfa-root");
    if (!root || !part) return;
    root.dataset.points = part;
    return () => {
      delete root.dataset.points;
    };
  }, [part]);
  const button = (go: string, name: string, primary = false, disabled = false) => (
    <button
      type="button"
      class={primary ? "dfa-button dfa-primary" : "dfa-button"}
      data-testid={`dfa-${name.replace("_", "-")}`}
      title={BUTTONS[name].help}
      disabled={disabled}
      onClick={() => act({ do: "story", go })}
    >
      {BUTTONS[name].text}
    </button>
  );
  if (!told)
    return (
      <section ref={box} class="dfa-story dfa-folded" aria-label={`story: ${title}`} data-testid="dfa-story">
        <span class="dfa-story-title">{title}</span>
        {button("return", "story_return")}
      </section>
    );
  return (
    <section ref={box} class="dfa-story" aria-label={`story: ${title}`} data-testid="dfa-story">
      <style>{pointer(part)}</style>
      <div class="dfa-story-head">
        <strong class="dfa-story-title">{title}</strong>
        <span
          class="dfa-dots"
          role="img"
          aria-label={`step ${place + 1} of ${story.count}`}
          data-testid="dfa-story-place"
        >
          {places(story).map((kind, number) => (
            <i key={number} class={`dfa-dot ${kind}`} />
          ))}
        </span>
        <span class="dfa-note" data-testid="dfa-story-waits">
          {stuck || (next_takes_offer ? "" : waits_for)}
        </span>
      </div>
      <p class="dfa-story-text" aria-live="polite" data-testid="dfa-story-text">
        {step.text}
      </p>
      <div class="dfa-story-buttons">
        {step.offers && (
          <button
            type="button"
            class={(next_takes_offer || ended) && taken !== here ? "dfa-button dfa-primary" : "dfa-button"}
            data-testid="dfa-story-take"
            disabled={taken === here}
            onClick={() => {
              take(here);
              act({ do: "story", go: "take" });
            }}
          >
            {taken === here ? `✓ ${step.offers}` : step.offers}
          </button>
        )}
        {button("back", "story_back", false, place === 0)}
        {button("next", "story_next", !next_takes_offer && !ended, ended)}
        {button("leave", "story_leave", ended && !step.offers)}
      </div>
    </section>
  );
}
