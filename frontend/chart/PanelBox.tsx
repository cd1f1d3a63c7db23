// A panel's box: its head with title and legend, the plot, and what is said of the place that one points at.
import { useLayoutEffect, useRef } from "preact/hooks";
import { useStore } from "../shared/use_store.ts";
import { corners } from "./drawing.ts";
import { type Line, shortName } from "./lines.ts";
import type { Panel } from "./panel.ts";
import { type Head, type Look, leaveOut } from "./sight.ts";

/** A title without its break, and its first line alone. */
const oneLine = (title: string) => title.replace("\n", " ");
const firstLine = (title: string) => title.split(/,?\n/)[0];

interface PanelBoxProps {
  panel: Panel;
  /** Whether it has all the room, and whether it has none beside it. */
  large: boolean;
  alone: boolean;
  /** Whether it stands in the corner that the button "view" has. */
  corner: boolean;
  /** On which side of it there is more room; "" where there is none beside it. */
  beside: "left" | "right" | "";
  enlarge: (on: boolean) => void;
}

export function PanelBox({ panel, large, alone, corner, beside, enlarge }: PanelBoxProps) {
  const root = useRef<HTMLDivElement>(null);
  const holder = useRef<HTMLDivElement>(null);
  // Field by field: values come many times a second, and only their own texts are drawn anew (`Value`).
  const room = useStore(panel.head, (state) => state.room);
  const lines = useStore(panel.head, (state) => state.lines);
  const at = useStore(panel.head, (state) => state.at);
  const diverged = useStore(panel.head, (state) => state.diverged);
  const tip = useStore(panel.head, (state) => state.tip);
  useLayoutEffect(
    () => (root.current && holder.current ? panel.mount(root.current, holder.current) : undefined),
    [panel],
  );
  const { title, short, note, empty } = panel.description;
  // With several runs their values need the room of a second line.
  const small = lines[0]?.row === undefined ? short || title : firstLine(short || title);
  const name = room === "full" ? title : room === "small" ? small : oneLine(short || title);
  const is = ["dfa-panel", `dfa-panel-${room}`, large ? "dfa-large" : "", corner ? "dfa-corner" : ""];
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset has a look of its own
    <div
      ref={root}
      class={is.join(" ")}
      role="group"
      data-testid={`dfa-panel-${panel.name}`}
      data-points="0"
      data-markers="0"
      data-sight="some"
      onFocusCapture={() => panel.point(true)}
      onBlurCapture={() => panel.point(false)}
    >
      <div class="dfa-head">
        <div class="dfa-title-row">
          <span class="dfa-title" title={[oneLine(name), note].filter(Boolean).join(": ")}>
            {name}
          </span>
          {room === "full" && note && <span class="dfa-note">{note}</span>}
          {room !== "small" && <span class="dfa-at">{at}</span>}
        </div>
        <Legend panel={panel} room={room} lines={lines} />
        {!alone && (
          <button
            type="button"
            class="dfa-enlarge"
            aria-pressed={large}
            aria-label={large ? `Show all panels, not ${title} alone` : `Enlarge ${title}`}
            title={large ? "Show all panels (Escape)" : "Enlarge"}
            data-testid={`dfa-enlarge-${panel.name}`}
            onClick={() => enlarge(!large)}
          >
            <svg viewBox="0 0 12 12" aria-hidden="true">
              <path d={large ? "M5 1v4H1M7 11V7h4" : "M7 1h4v4M11 1 7 5M5 11H1V7M1 11l4-4"} />
            </svg>
          </button>
        )}
      </div>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: what is read by pointing, the legend says too */}
      <div
        class="dfa-plot"
        ref={holder}
        data-empty={empty}
        onMouseEnter={() => panel.point(true)}
        onMouseLeave={() => panel.point(false)}
      />
      {diverged && <span class="dfa-diverged">{diverged}</span>}
      {tip && room !== "full" && lines.length > 0 && (
        <div ref={(box) => keepInside(box)} class={`dfa-tip dfa-tip-${beside}`} aria-hidden="true">
          <div class="dfa-tip-title">{[oneLine(name), tip.at].filter(Boolean).join(" ")}</div>
          {lines[0].row === undefined ? (
            <div class="dfa-tip-lines">
              {lines.map((line, i) => (
                <div key={line.series.key} class="dfa-tip-line">
                  <Swatch look={line} length={24} />
                  <span>{line.brief}</span>
                  <b>{tip.values[i]}</b>
                  <small>{tip.steps[i]}</small>
                </div>
              ))}
            </div>
          ) : (
            <Table
              lines={lines}
              brief
              drawn={(line) => (
                <span class="dfa-tip-line">
                  <Swatch look={line} length={20} />
                  <b>{tip.values[lines.indexOf(line)]}</b>
                  <small>{tip.steps[lines.indexOf(line)]}</small>
                </span>
              )}
            />
          )}
          {tip.changes.map((change) => (
            <div key={change}>┊ {change}</div>
          ))}
        </div>
      )}
    </div>
  );
}

/** Move what is wider than its place until none of it is outside of the curves. */
function keepInside(tip: HTMLElement | null): void {
  const around = tip?.closest(".dfa-curves")?.getBoundingClientRect();
  if (!tip || !around) return;
  tip.style.translate = "";
  const { left, right } = tip.getBoundingClientRect();
  const by = left < around.left ? around.left - left : Math.min(0, around.right - right);
  if (by) tip.style.translate = `${by}px`;
}

/** A short piece of a line as the plot draws it: colour, dash, width, and the run's sign. */
export function Swatch({ look, length }: { look: Look; length: number }) {
  const { colour, width, dash = [], sign } = look;
  const once = dash.reduce((sum, part) => sum + part, 0);
  const long = Math.max(length, Math.round(1.3 * once)); // the dashes come once and begin again
  const around = sign ? corners(sign) : null;
  return (
    <svg
      class="dfa-swatch"
      width={long}
      viewBox={`0 0 ${long} 9`}
      height={9}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <line x1={0} x2={long} y1={4.5} y2={4.5} stroke={colour} stroke-width={width} stroke-dasharray={dash.join(" ")} />
      {sign > 0 &&
        (around ? (
          <polygon points={around.map(([x, y]) => `${long / 2 + 3.6 * x},${4.5 + 3.6 * y}`).join(" ")} fill={colour} />
        ) : (
          <circle cx={long / 2} cy={4.5} r={3.6} fill={colour} />
        ))}
    </svg>
  );
}

/** How a table is laid out, from the widest to the narrowest: the first that fits is taken. */
const LAYOUTS = [[], ["dfa-turned"], ["dfa-turned", "dfa-stacked"], ["dfa-turned", "dfa-stacked", "dfa-cut"]];

/** The lines' names and values: the last ones, or those under the cursor. Each key hides its line and shows it again. */
function Legend({ panel, room, lines }: { panel: Panel; room: Head["room"]; lines: Line[] }) {
  const box = useRef<HTMLDivElement>(null);
  const more = useRef<HTMLSpanElement>(null);
  const hidden = useStore(panel.head, (state) => state.hidden);
  const layout = useStore(panel.head, (state) => state.layout);
  const lengths = useStore(panel.head, (state) => state.values.map((value) => value.length).join());
  const table = room === "full" && lines[0]?.row !== undefined;
  useLayoutEffect(() => {
    const legend = box.current;
    if (!legend) return;
    for (const one of legend.querySelectorAll(".dfa-over")) one.classList.remove("dfa-over");
    const names = LAYOUTS[LAYOUTS.length - 1];
    legend.classList.remove("dfa-nameless", ...names);
    if (table) {
      for (const chosen of LAYOUTS) {
        for (const name of names) legend.classList.toggle(name, chosen.includes(name));
        if (legend.scrollWidth <= legend.clientWidth) return;
      }
    }
    if (more.current) leaveOut(legend, more.current, lines[0]?.row === undefined);
  }, [layout, lengths, table, room, lines]);
  // Where not all find room, that of one kind of line is said for every run and layer first: the angle on the dials.
  const rank = ({ line }: Line) => Number(line.dashed !== line.per_layer);
  const order = room !== "full" ? [...lines].sort((a, b) => rank(a) - rank(b)) : lines;
  const key = (line: Line, text: string) => {
    const off = hidden.has(line.series.key);
    const place = lines.indexOf(line);
    return <Key key={line.series.key} panel={panel} line={line} place={place} text={text} off={off} room={room} />;
  };
  if (table) return <Table box={box} lines={lines} drawn={(line) => key(line, "")} />;
  const wide = (line: Line) => (line.row === undefined ? line.brief : line.name);
  const said = (line: Line) => (room === "small" ? shortName(line) : room === "wide" ? wide(line) : line.label);
  return (
    <>
      <div ref={box} class="dfa-legend">
        {order.map((line) => key(line, said(line)))}
      </div>
      {room !== "full" && <span ref={more} class="dfa-more" title="More lines: enlarge the panel, or point at it" />}
    </>
  );
}

interface KeyProps {
  panel: Panel;
  line: Line;
  /** Its place among the panel's lines. */
  place: number;
  /** Its name; without one only a screen reader says it. */
  text: string;
  off: boolean;
  room: Head["room"];
}

function Key({ panel, line, place, text, off, room }: KeyProps) {
  return (
    <button
      type="button"
      class="dfa-key"
      aria-pressed={!off}
      title={`Show or hide ${line.name}`}
      onClick={() => panel.toggle(line)}
    >
      <Swatch look={line} length={room === "full" ? 20 : 16} />
      {text && (
        <span class="dfa-key-name" aria-hidden={room === "small"}>
          {text}
        </span>
      )}
      {(!text || room === "small") && <span class="dfa-unseen">{line.name}</span>}
      <Value panel={panel} place={place} />
    </button>
  );
}

function Value({ panel, place }: { panel: Panel; place: number }) {
  const value = useStore(panel.head, (state) => state.values[place] ?? "");
  return <span class="dfa-number">{value}</span>;
}

interface TableProps {
  /** Where its element is kept, if it is more than read. */
  box?: { current: HTMLDivElement | null };
  lines: Line[];
  /** Whether its columns are called as beside the drawing. */
  brief?: boolean;
  drawn: (line: Line) => preact.JSX.Element;
}

/** A row for each run or layer, a column for each of its lines; where that is too wide it is turned round. */
function Table({ box, lines, brief, drawn }: TableProps) {
  const rows = [...new Set(lines.map(({ row }) => row ?? ""))];
  const title = (line: Line) => (brief ? line.brief : (line.column ?? ""));
  const columns = [...new Set(lines.map(title))];
  const at = (row: number, column: number) => ({ "--dfa-row": row, "--dfa-column": column });
  const size = { "--dfa-rows": rows.length, "--dfa-columns": columns.length };
  const colour = (row: string) => lines.find((line) => line.row === row)?.colour ?? "";
  return (
    <div ref={box} class="dfa-legend dfa-legend-table" style={size} tabIndex={box ? 0 : undefined}>
      <span class="dfa-legend-corner" style={at(1, 1)} />
      {columns.map((label, column) => (
        <span key={label} class="dfa-legend-title" style={at(1, column + 2)} aria-hidden="true">
          {label}
        </span>
      ))}
      {rows.map((row, place) => (
        <span
          key={row}
          class="dfa-run-name"
          style={{ ...at(place + 2, 1), borderColor: colour(row) }}
          title={row}
          aria-hidden="true"
        >
          {row}
        </span>
      ))}
      {lines.map((line) => (
        <span key={line.series.key} style={at(rows.indexOf(line.row ?? "") + 2, columns.indexOf(title(line)) + 2)}>
          {drawn(line)}
        </span>
      ))}
    </div>
  );
}
