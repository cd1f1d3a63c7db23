// The live chart as a widget: what anywidget calls, and what passes between page and kernel (live_chart.py).
import "uplot/dist/uPlot.min.css";
import "./live_chart.css";
import "./legend.css";
import { Chart } from "./chart.js";
import { greet, hello } from "./handshake.js";
import { keepPlainKeys } from "./shortcuts.js";

keepPlainKeys();

/** What anywidget calls for each place the chart is shown in. */
function render({ model, el }) {
  const chart = new Chart(() => hello(model));
  el.append(chart.root);
  const leave = greet(model, () => chart.number === null, (message, buffers) => chart.receive(message, buffers));
  return () => {
    leave();
    chart.destroy();
  };
}

export default { render };
