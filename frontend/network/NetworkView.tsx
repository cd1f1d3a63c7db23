// The network, drawn and alive: forward in one colour, the way of the error back in the other, and a dial at each layer.
import { useOwnId } from "../shared/own_id.ts";
import "./network.css";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { useLab } from "../shared/lab.tsx";
import type { NetworkLayer, NetworkState } from "../shared/messages.ts";
import { watchTheme } from "../shared/theme.ts";
import { useStore } from "../shared/use_store.ts";
import { Caption, usePhases } from "./below/Caption.tsx";
import { Numbers } from "./below/Numbers.tsx";
import { type Palettes, palettes } from "./colours.ts";
import { Matrices } from "./Dial.tsx";
import { type Choice, Drawing } from "./Drawing.tsx";
import { plan as planned } from "./geometry.ts";
import { PaletteContext } from "./Tile.tsx";
import { shortTitle, unitWords, wayBack } from "./words.ts";

/** The network's picture; before its first message an empty box of the same size. `drawers`: whether there are some. */
export function NetworkView({ drawers = false }: { drawers?: boolean }) {
  const lab = useLab();
  const state = useStore(lab.network, (network) => network);
  return (
    <div class="dfa-net-box" data-part="network" data-testid="dfa-network-view">
      {state && state.layers.length > 0 && <Network state={state} drawers={drawers} />}
    </div>
  );
}

interface Look {
  width: number;
  height: number;
  em: number;
  colours: Palettes | null;
}

/** Any CSS colour as #rrggbb: a canvas is asked, so that every form of colour is understood. */
function plain(colour: string): string {
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  if (!pen) return "#808080";
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  const [red, green, blue] = pen.getImageData(0, 0, 1, 1).data;
  return `#${[red, green, blue].map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

function coloursOf(element: Element): Palettes {
  const style = getComputedStyle(element.closest(".dfa-root") ?? element);
  const own = (name: string) => plain(style.getPropertyValue(name).trim());
  return palettes(plain(style.backgroundColor), plain(style.color), own("--dfa-accent"), own("--dfa-warm"));
}

/** The size, the letters and the colours that the picture has on the page. */
function useLook() {
  const stage = useRef<HTMLDivElement>(null);
  const [look, setLook] = useState<Look>({ width: 0, height: 0, em: 13, colours: null });
  useLayoutEffect(() => {
    const element = stage.current;
    if (!element) return undefined;
    const seen = (): Look => ({
      width: element.clientWidth,
      height: element.clientHeight,
      em: Number.parseFloat(getComputedStyle(element).fontSize) || 13,
      colours: coloursOf(element),
    });
    // Styles may come after this, and so may the page around it: both change its size.
    let unwatch = () => {};
    const read = () => {
      unwatch();
      unwatch = watchTheme(element, read);
      setLook((before) => {
        const now = seen();
        return JSON.stringify(now) === JSON.stringify(before) ? before : now;
      });
    };
    const resized = new ResizeObserver(read);
    read();
    resized.observe(element);
    return () => {
      resized.disconnect();
      unwatch();
    };
  }, []);
  return { stage, ...look };
}

const SLOPE = ["activation_derivative", "activation"];
const FEEDBACK = ["rule", "feedback_init", "feedback_scale", "feedback_seed"];

function Network({ state, drawers }: { state: NetworkState; drawers: boolean }) {
  const lab = useLab();
  const settings = useStore(lab.panel, (panel) => panel.settings);
  const open = useStore(lab.page, (page) => page.numbers);
  const phases = usePhases();
  const { stage, width, height, em, colours } = useLook();
  const [unfolded, unfold] = useState(false);
  const [pointed, point] = useState<number | null>(null);
  const id = useOwnId();
  const { layers, sample, numbers, summary } = state;
  const count = layers.filter(({ route }) => route !== "output").length;
  const plan = useMemo(
    () => (width > 0 ? planned(count, width, height, em, unfolded) : null),
    [count, width, height, em, unfolded],
  );
  const signatures = useMemo(() => {
    const of = (names: string[]) => (settings ? JSON.stringify(names.map((name) => settings[name])) : null);
    return { feedback: of(FEEDBACK), slope: of(SLOPE) };
  }, [settings]);
  // With the run, or with the unit that one leaves, its numbers go: an empty box would only cover the network.
  const had = useRef(false);
  useEffect(() => {
    if (had.current && !numbers) lab.page.patch({ numbers: false });
    had.current = numbers !== null;
  }, [lab, numbers]);
  useEffect(() => {
    const { root } = lab;
    if (!open || !root) return undefined;
    const shut = (event: KeyboardEvent) => {
      const { drawer, enlarged } = lab.page.get();
      if (event.key !== "Escape" || event.defaultPrevented || drawer || enlarged) return;
      lab.page.patch({ numbers: false });
    };
    root.addEventListener("keydown", shut);
    return () => root.removeEventListener("keydown", shut);
  }, [lab, open]);
  const chosen = chosenIn(state);
  const chosenLayer = chosen && layers.find(({ number }) => number === chosen.layer);

  const look = (which: number, layer: number | null, unit: number | null) =>
    lab.act({ do: "look", sample: which, layer, unit });
  const step = (by: number) => {
    if (!sample) return;
    look((sample.number + by + sample.count) % sample.count, numbers?.layer ?? null, numbers?.unit ?? null);
  };
  const choose = (layer: NetworkLayer, place: number) =>
    place < 0 ? look(sample?.number ?? 0, null, null) : look(sample?.number ?? 0, layer.number, layer.units[place]);
  const turn = () => {
    const first = layers[0];
    if (!open && !numbers && first.activity && sample) choose(first, 0);
    lab.page.patch({ numbers: !open });
  };
  const picture = ({ number }: NetworkLayer) => {
    lab.act({ do: "picture", name: "matrix", layer: number });
    lab.page.patch({ drawer: "pictures" });
  };

  const pointedPlace = plan?.hidden.find(({ index }) => layers[index]?.number === pointed);
  const pointedLayer = pointedPlace && layers[pointedPlace.index];
  const atLeft = chosen && plan ? placeOf(chosen, state, plan) > plan.width / 2 : false;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would bring a frame of its own
    <div
      class="dfa-net"
      role="group"
      aria-label="the network"
      aria-describedby={`${id}-summary`}
      data-testid="dfa-network-picture"
      data-step={state.step}
      data-measured-at={state.measured_at ?? ""}
      data-rule={state.rule}
      data-phase={phases?.now ?? undefined}
    >
      <p id={`${id}-summary`} class="dfa-unseen" data-testid="dfa-network-summary">
        {summary}
      </p>
      <header class="dfa-net-head">
        <p title={`${state.rule_title}. ${wayBack(layers, state.error_from)}`}>
          <b>{shortTitle(state.rule_title)}</b>{" "}
          <span data-testid="dfa-way-back">{wayBack(layers, state.error_from)}</span>
        </p>
        {(open || layers.some(({ activity }) => activity)) && (
          <button
            type="button"
            class="dfa-button"
            aria-pressed={open}
            title="The sums of one unit for one sample, as digits"
            data-testid="dfa-numbers-toggle"
            onClick={turn}
          >
            numbers
          </button>
        )}
      </header>
      <div class="dfa-stage" ref={stage}>
        {plan && colours && (
          <div class="dfa-plan" style={{ width: `${plan.width}px`, height: `${plan.height}px` }}>
            <PaletteContext.Provider value={colours}>
              <Drawing
                state={state}
                plan={plan}
                chosen={chosen}
                signatures={signatures}
                enlarges={drawers}
                hands={{
                  choose,
                  open: picture,
                  point: (layer) => point(layer?.number ?? null),
                  unfold: () => unfold(true),
                }}
                describedBy={`${id}-matrices`}
              />
              {pointedLayer && pointedPlace && (
                <Matrices
                  id={`${id}-matrices`}
                  enlarges={drawers}
                  layer={pointedLayer}
                  above={layers[pointedPlace.index + 1]}
                  at={popover(
                    pointedPlace.dial.x,
                    plan.width,
                    plan.height - pointedPlace.dial.y,
                    pointedPlace.dial.radius,
                    em,
                  )}
                />
              )}
            </PaletteContext.Provider>
            {sample && (
              <div
                class="dfa-sample"
                style={{
                  left: `${plan.input.x}px`,
                  width: `${plan.input.width}px`,
                  top: `${plan.output.error.y}px`,
                }}
              >
                <button
                  type="button"
                  class="dfa-button"
                  aria-label="previous sample"
                  data-testid="dfa-sample-back"
                  onClick={() => step(-1)}
                >
                  ‹
                </button>
                <button
                  type="button"
                  class="dfa-button"
                  aria-label="next sample"
                  data-testid="dfa-sample-next"
                  onClick={() => step(1)}
                >
                  ›
                </button>
                <span data-testid="dfa-sample">
                  sample {sample.number + 1}
                  <br />
                  of {sample.count.toLocaleString("en")}
                </span>
              </div>
            )}
          </div>
        )}
        {unfolded && (
          <button type="button" class="dfa-button dfa-refold" data-testid="dfa-fold" onClick={() => unfold(false)}>
            fold
          </button>
        )}
      </div>
      <Caption phases={phases} words={chosen && chosenLayer && !open ? unitWords(chosenLayer, chosen.place) : ""} />
      {open && <Numbers numbers={numbers} left={atLeft} close={() => lab.page.patch({ numbers: false })} />}
    </div>
  );
}

/** The chosen unit, by its place among the drawn ones. */
function chosenIn({ layers, numbers }: NetworkState): Choice | null {
  if (!numbers) return null;
  const place = layers.find(({ number }) => number === numbers.layer)?.units.indexOf(numbers.unit) ?? -1;
  return place < 0 ? null : { layer: numbers.layer, place };
}

function placeOf(chosen: Choice, { layers }: NetworkState, plan: ReturnType<typeof planned>): number {
  const found = plan.hidden.find(({ index }) => layers[index].number === chosen.layer);
  return (found ?? plan.output).units.x;
}

/** A box above a dial, inside the picture. */
function popover(x: number, width: number, up: number, radius: number, em: number) {
  const wide = Math.min(width, 29 * em);
  return { x: Math.max(0, Math.min(width - wide, x - wide / 2)), y: up + radius + 4, width: wide, height: 0 };
}
