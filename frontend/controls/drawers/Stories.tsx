// The presets, one card each: its title, and what it shows.
import { useLab } from "../../shared/lab.tsx";
import type { PresetCard } from "../../shared/messages.ts";
import { useStore } from "../../shared/use_store.ts";

const NONE: PresetCard[] = [];

export function Stories() {
  const lab = useLab();
  const presets = useStore(lab.panel, (state) => state.presets) ?? NONE;
  const start = (name: string) => {
    lab.page.patch({ drawer: "" });
    lab.act({ do: "preset", name });
  };
  return (
    <div class="dfa-cards">
      {presets.map(({ name, title, question, about, refused }) => (
        <button
          key={name}
          type="button"
          class="dfa-card"
          disabled={Boolean(refused)}
          title={refused || undefined}
          aria-description={refused || undefined}
          data-testid={`dfa-preset-${name}`}
          onClick={() => start(name)}
        >
          <strong>{title || name}</strong>
          <span class="dfa-card-about">{question || about}</span>
          {refused && <span class="dfa-why">{refused}</span>}
        </button>
      ))}
    </div>
  );
}
