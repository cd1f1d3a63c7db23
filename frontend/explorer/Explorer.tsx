// The explorer: transport and a line of words above, the knobs beside the network, the curves below.
import "./explorer.css";
import { LiveChart } from "../chart/LiveChart.tsx";
import { Drawers } from "../controls/Drawers.tsx";
import { Knobs } from "../controls/Knobs.tsx";
import { Transport } from "../controls/Transport.tsx";
import { NetworkView } from "../network/NetworkView.tsx";
import { useLab } from "../shared/lab.tsx";
import { useStore } from "../shared/use_store.ts";
import { Story } from "../story/Story.tsx";
import { Words } from "./Words.tsx";

export function Explorer() {
  const lab = useLab();
  const hide = useStore(lab.panel, (state) => state.hide) ?? [];
  const waiting = useStore(lab.panel, (state) => state.settings === undefined);
  return (
    <div class={waiting ? "dfa-screen dfa-waiting" : "dfa-screen"}>
      <header class="dfa-top">
        <Transport drawers />
        <Words />
        <Story />
      </header>
      <div class="dfa-left">
        <Knobs />
      </div>
      <main class="dfa-middle">{!hide.includes("network") && <NetworkView />}</main>
      <section class="dfa-bottom" aria-label="curves">
        <LiveChart />
      </section>
      <Drawers />
    </div>
  );
}
