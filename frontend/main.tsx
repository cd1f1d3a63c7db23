// The page side of every widget: anywidget calls `render` for each place one is shown in.
import "./shared/base.css";
import { render as draw } from "preact";
import { LiveChart } from "./chart/LiveChart.tsx";
import { Controls } from "./controls/Controls.tsx";
import { Transport } from "./controls/transport/Transport.tsx";
import { Explorer } from "./explorer/Explorer.tsx";
import { NetworkView } from "./network/NetworkView.tsx";
import { Root } from "./page/Root.tsx";
import { LivePicture } from "./pictures/LivePicture.tsx";
import { Lab, LabContext } from "./shared/lab.tsx";
import type { Model } from "./shared/link.ts";

/** What stands alone as a widget, by the name that the kernel gives it. */
const PARTS = {
  explorer: Explorer,
  chart: LiveChart,
  controls: Controls,
  transport: Transport,
  network: NetworkView,
  picture: LivePicture,
};

function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const name = String(model.get("part")) as keyof typeof PARTS;
  const Part = PARTS[name];
  const lab = new Lab(model);
  el.classList.add("dfa-view");
  draw(
    <LabContext.Provider value={lab}>
      <Root name={name}>
        <Part />
      </Root>
    </LabContext.Provider>,
    el,
  );
  lab.start(el.firstElementChild as HTMLElement);
  return () => {
    lab.stop();
    draw(null, el);
  };
}

export default { render };
