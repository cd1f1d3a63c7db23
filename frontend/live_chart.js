// The live chart as a widget: what anywidget calls, and what passes between page and kernel (live_chart.py).
import "uplot/dist/uPlot.min.css";
import "./live_chart.css";
import "./legend.css";
import { Chart } from "./chart.js";
import { keepPlainKeys } from "./shortcuts.js";

const ASK_AGAIN_MS = 1000;

keepPlainKeys();

/** What anywidget calls for each place the chart is shown in. */
function render({ model, el }) {
  const hello = () => model.send({ type: "hello" });
  const chart = new Chart(hello);
  // A hello can be lost: while a page reloads, JupyterLab may send it to a subshell that is gone already.
  const asking = setInterval(() => chart.number === null && hello(), ASK_AGAIN_MS);
  const receive = (message, buffers) => chart.receive(message, buffers);
  model.on("msg:custom", receive);
  el.append(chart.root);
  hello();
  return () => {
    clearInterval(asking);
    model.off("msg:custom", receive);
    chart.destroy();
  };
}

export default { render };
