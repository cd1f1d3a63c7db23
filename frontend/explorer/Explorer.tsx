// The explorer: transport and a line of words above, the knobs beside the network, the curves below.
import "./explorer.css";
import { useLayoutEffect, useRef } from "preact/hooks";
import { LiveChart } from "../chart/LiveChart.tsx";
import { Drawers } from "../controls/Drawers.tsx";
import { Knobs } from "../controls/Knobs.tsx";
import { Transport } from "../controls/transport/Transport.tsx";
import { NetworkView } from "../network/NetworkView.tsx";
import { NoAnswer, NoAnswerAgain } from "../page/NoAnswer.tsx";
import { useLab } from "../shared/lab.tsx";
import { useStore } from "../shared/use_store.ts";
import { Story } from "../story/Story.tsx";
import { Words } from "./Words.tsx";

export function Explorer() {
  const lab = useLab();
  const hide = useStore(lab.panel, (state) => state.hide) ?? [];
  const waiting = useStore(lab.panel, (state) => state.settings === undefined);
  const screen = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    // JupyterLab scrolls to the next cell when one is run; a page that is loaded again stays where it was.
    // A key counts as active for some seconds. A first run may take longer: then what is partly in sight is shown whole.
    const { isActive, hasBeenActive } = navigator.userActivation ?? {};
    const top = screen.current?.getBoundingClientRect().top ?? innerHeight;
    const wanted = isActive || (hasBeenActive && top >= 0 && top < innerHeight);
    if (!waiting && wanted) screen.current?.scrollIntoView({ block: "nearest" });
  }, [waiting]);
  return (
    <div ref={screen} class={waiting ? "dfa-screen dfa-waiting" : "dfa-screen"}>
      <header class="dfa-top">
        <Transport drawers />
        <div class="dfa-under-the-line">
          <NoAnswer />
        </div>
        <Words />
        <Story />
      </header>
      <div class="dfa-left">
        <Knobs />
      </div>
      <main class="dfa-middle">{!hide.includes("network") && <NetworkView drawers />}</main>
      <section class="dfa-bottom" aria-label="curves">
        <NoAnswerAgain />
        <LiveChart row />
      </section>
      <Drawers />
    </div>
  );
}
