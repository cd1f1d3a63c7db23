// One line: play, step, begin anew, take back, how fast, how far; and what opens the drawers.
import "./transport.css";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { type Lab, useLab } from "../../shared/lab.tsx";
import { BUTTONS, FIRST_PICTURE, NO_PICTURE } from "../../shared/messages.ts";
import { useStore } from "../../shared/use_store.ts";
import { ActButton } from "../ActButton.tsx";
import { DRAWERS, type DrawerName, isOffered, shutBecause } from "../drawers/names.ts";
import { listenForKeys } from "../keys.ts";
import { blocked, reason } from "../reasons.ts";
import { More } from "./More.tsx";
import { Question } from "./Question.tsx";
import { Pins, Runs } from "./Runs.tsx";
import { Speed } from "./Speed.tsx";
import { StepCounter } from "./StepCounter.tsx";

const STEPS = [1, 10, 100];
/** What a key does: what its button does, if that is there and free. */
function press(lab: Lab, name: string): void {
  const state = lab.panel.get();
  const running = state.running === true;
  const act = name === "play" && running ? "pause" : name;
  if ((state.hide ?? []).includes(name) || reason(state, act)) return;
  if (name === "keys" || name === "fork") lab.page.patch({ drawer: name === "fork" ? "compare" : "keys" });
  else if (name === "step_1") {
    if (!(state.hide ?? []).includes("step")) lab.act({ do: "step", steps: 1 });
  } else lab.act({ do: act });
}

/** How many of `all` buttons at the line's end have room in it; those left over go behind "more". */
function useRoom(line: { current: HTMLElement | null }, all: number): number {
  const [room, setRoom] = useState(all);
  const tighten = () => {
    const box = line.current;
    if (box && box.scrollWidth > box.clientWidth + 1) setRoom((now) => Math.max(0, Math.min(now, all) - 1));
  };
  useLayoutEffect(() => {
    const box = line.current;
    if (!box) return undefined;
    const rest = [box, ...box.children].filter((one) => !one.matches(".dfa-openers"));
    const sizes = () => rest.map(({ clientWidth }) => clientWidth).join();
    let before = sizes();
    const observer = new ResizeObserver(() => {
      const now = sizes();
      if (now !== before) {
        before = now;
        setRoom(all); // begin anew: what is too much is seen when it is drawn
        requestAnimationFrame(tighten); // where all had room before, nothing is drawn anew
      } else tighten(); // something in it became wider
    });
    for (const one of [box, ...box.children]) observer.observe(one);
    setRoom(all);
    return () => observer.disconnect();
  }, [line, all]);
  useLayoutEffect(tighten);
  return Math.min(room, all);
}

function Opener({ of }: { of: DrawerName }) {
  const lab = useLab();
  const why = useStore(lab.panel, (state) => shutBecause(state, of.name));
  const open = useStore(lab.page, (state) => state.drawer === of.name);
  const turn = () => {
    const { chosen = "", choices = [] } = (!open && of.name === "pictures" && lab.picture.get()) || {};
    if (chosen === NO_PICTURE && choices.some(({ name }) => name === FIRST_PICTURE))
      lab.act({ do: "picture", name: FIRST_PICTURE, layer: null }, "picture");
    lab.page.patch({ drawer: open ? "" : of.name });
  };
  return (
    <button
      type="button"
      class="dfa-button dfa-quiet"
      aria-expanded={open}
      data-testid={of.testid}
      data-part={of.name}
      {...blocked(why, of.help)}
      onClick={turn}
    >
      {of.button}
    </button>
  );
}

/** `drawers`: whether there are drawers to be opened; alone it says itself what was refused. */
export function Transport({ drawers = false }: { drawers?: boolean }) {
  const lab = useLab();
  const running = useStore(lab.panel, (state) => state.running === true);
  const slow = useStore(lab.panel, (state) => state.slow === true);
  const hasSlow = useStore(lab.panel, (state) => "slow" in state);
  const noSteps = useStore(lab.panel, ({ hide = [] }) => hide.includes("step"));
  const refused = useStore(lab.page, ({ refusal }) => refusal.text);
  const box = useRef<HTMLDivElement>(null);
  const offered = useStore(lab.panel, (state) =>
    DRAWERS.filter(({ button, name }) => drawers && button && isOffered(state, name))
      .map(({ name }) => name)
      .join(" "),
  );
  const named = DRAWERS.filter(({ name }) => offered.split(" ").includes(name));
  const room = useRoom(box, named.length);
  useEffect(() => {
    const rest = box.current;
    return rest
      ? listenForKeys(
          () => lab.root,
          rest,
          (name) => press(lab, name),
        )
      : undefined;
  }, [lab]);
  const play = running ? "pause" : "play";
  return (
    <div class="dfa-transport-part" data-part="transport">
      {/* biome-ignore lint/a11y/useSemanticElements: a line of buttons is no fieldset */}
      <div ref={box} class="dfa-line-of-buttons" role="group" aria-label="run" tabindex={-1} data-testid="dfa-toolbar">
        <ActButton name={play} className="dfa-primary dfa-play" press={() => lab.act({ do: play })} />
        {!noSteps && (
          // biome-ignore lint/a11y/useSemanticElements: three buttons are no fieldset
          <span class="dfa-joined" role="group" aria-label="step">
            {STEPS.map((count) => (
              <ActButton
                key={count}
                name={`step_${count}`}
                label={`step ×${count}`}
                press={() => lab.act({ do: "step", steps: count })}
              />
            ))}
          </span>
        )}
        <span class="dfa-joined">
          <ActButton name="reset" press={() => lab.act({ do: "reset" })} />
          <ActButton name="new_seed" label={BUTTONS.new_seed.text} press={() => lab.act({ do: "new_seed" })}>
            ⚄
          </ActButton>
        </span>
        <ActButton name="undo" label="undo" press={() => lab.act({ do: "undo" })}>
          ↶
        </ActButton>
        <span class="dfa-joined">
          <Speed />
          {hasSlow && <ActButton name="slow" pressed={slow} press={() => lab.act({ do: "slow" })} />}
        </span>
        <StepCounter />
        {named.length > 0 && (
          <span class="dfa-openers">
            {named.slice(0, room).map((one) => (
              <Opener key={one.name} of={one} />
            ))}
            {room < named.length && (
              <More>
                {named.slice(room).map((one) => (
                  <Opener key={one.name} of={one} />
                ))}
              </More>
            )}
          </span>
        )}
      </div>
      <Question />
      {!drawers && (
        <>
          <Runs />
          <Pins />
          {refused && (
            <p class="dfa-error" role="alert" data-testid="dfa-desk-error">
              {refused}
            </p>
          )}
        </>
      )}
    </div>
  );
}
