// Made by `python -m dfa_lab.widgets.schema` from the messages.py of dfa_lab/widgets: change them.

export type PhaseName = "forward" | "error" | "signal" | "update";

export type Route = "none" | "layerwise" | "direct" | "bp" | "output";

/** One part's message inside a frame: which part, its kind, and how many of the frame's buffers are its own. */
export interface PartMessage {
  part: string;
  type: string;
  buffers: number;
}

/** All that is new, or ``whole``: everything. A page that misses a ``number`` says hello again. */
export interface Frame {
  type: "frame";
  number: number;
  whole: boolean;
  asked: boolean;
  answered: Record<string, number>;
  parts: PartMessage[];
}

/** A choice's own number, such as the angle of ``aligned``. */
export interface Parameter {
  name: string;
  kind: "integer" | "number";
  default: number;
  low: number | null;
  high: number | null;
}

/** One entry of a registry: its name, its full title, a sentence on what it is, its parameters. */
export interface Choice {
  name: string;
  title: string;
  about: string;
  parameters: Parameter[];
}

/** What a control for one setting needs: see ``control_specs``. */
export interface Spec {
  field: string;
  label: string;
  help: string;
  unit: string;
  live: boolean;
  group: string;
  kind: "choice" | "number" | "integer" | "integers" | "text";
  choices: Choice[];
  slider: (number | string)[] | null;
  minimum: number | null;
  above: boolean;
  below: boolean;
  optional: boolean;
  several: boolean;
  free: boolean;
}

/** A run that goes on beside others: its name, its colour on the curves (``#rrggbb``), its number for good. */
export interface RunChip {
  name: string;
  colour: string;
  number: number;
}

/** A change, in words, and the step after which it took effect. */
export interface EventRow {
  step: number;
  text: string;
}

/** A preset in the menu: its question (or ""), what it shows, and why it cannot be loaded here, or "". */
export interface PresetCard {
  name: string;
  title: string;
  question: string;
  about: string;
  refused: string;
}

/** The derivative editor's curves: f, its own derivative, and the g in its place; None where there is no number. */
export interface Curves {
  x: number[];
  f: (number | null)[];
  exact: (number | null)[];
  g: (number | null)[];
  undefined: string;
}

/** One phase of a step, its equation, and what it does now in words. */
export interface PhaseText {
  name: "forward" | "error" | "signal" | "update";
  equation: string;
  words: string;
}

/** How every control stands; a message holds the fields that changed, and the names of those that are gone. */
export interface PanelState {
  specs?: Spec[];
  settings?: Record<string, unknown>;
  running?: boolean;
  lanes?: RunChip[];
  lane?: number;
  events?: EventRow[];
  presets?: PresetCard[];
  curves?: Curves;
  slow?: boolean;
  phases?: PhaseText[] | null;
  share?: string;
  script?: string;
  hide?: string[];
  lock?: string[];
  refused?: Record<string, string>;
  unused?: Record<string, string>;
  theme?: string;
  opened?: number;
  limit?: number | null;
  stop_at?: number | null;
  pins?: string[];
  error?: string;
  status?: Record<string, string>;
  words?: string;
  restore?: string;
}

/** The state of the controls: all of it in a snapshot, else what changed. */
export interface PanelMessage {
  part: string;
  type: string;
  buffers: number;
  state: PanelState;
  gone: string[];
}

/** A file to keep; its bytes are the message's buffer. */
export interface FileMessage {
  part: string;
  type: string;
  buffers: number;
  name: string;
  kind: string;
}

/** What lies in the chart's buffer for one series: count steps, count values, deviations where its run has them. */
export interface ChartSeries {
  metric: string;
  layer: number | string | null;
  count: number;
  run?: number;
}

/** A change to be marked on the curves of a run, given by its place. */
export interface ChartEvent {
  step: number;
  label: string;
  run?: number;
}

/** A run on the chart: see ``Shown``. */
export interface ChartRun {
  name: string;
  id: string;
  faint: boolean;
  colour: string;
  spread: boolean;
}

/** A line of a panel: its metric, its labels, how it is drawn; ``colour`` is a place in the panel's palette. */
export interface ChartLine {
  metric: string;
  label: string;
  short: string;
  per_layer: boolean;
  dashed: boolean;
  colour: number;
  held: boolean;
}

/** A band of chance around the line ``of``: ``factor`` times ``metric`` about ``mean``, or about ``centre``. */
export interface ChartBand {
  of: string;
  metric: string;
  centre: number;
  factor: number;
  mean: string;
}

/** One plot: see ``PANELS``. */
export interface ChartPanel {
  name: string;
  title: string;
  short: string;
  unit: string;
  axis: string;
  note: string;
  low: number | null;
  high: number | null;
  floor: number | null;
  ceiling: number | null;
  tick: number | null;
  decimals: number;
  spans_decades: boolean;
  guide: number | null;
  guide_label: string;
  empty: string;
  palette: string[];
  lines: ChartLine[];
  bands: ChartBand[];
}

/** New rows of the runs on the chart. */
export interface ChartRows {
  part: string;
  type: string;
  buffers: number;
  series: ChartSeries[];
  events: ChartEvent[];
  status?: Record<string, string>;
  diverged?: number | null;
}

/** All of the chart. */
export interface ChartSnapshot {
  part: string;
  type: string;
  buffers: number;
  series: ChartSeries[];
  events: ChartEvent[];
  status?: Record<string, string>;
  diverged?: number | null;
  run: string;
  spread: boolean;
  session: number;
  layers: string;
  angle: string;
  runs: ChartRun[];
  panels: ChartPanel[];
}

/** Show the steps around this one. */
export interface FocusMessage {
  part: string;
  type: string;
  buffers: number;
  step: number;
}

/** What chance would make of an angle: its mean and its standard deviation, in degrees. */
export interface Band {
  mean: number;
  sd: number;
}

/** A matrix of the drawn units, row by row, rounded for drawing; ``scale`` is the largest absolute value. */
export interface Matrix {
  rows: number;
  columns: number;
  scale: number;
  values: number[];
}

/** One layer as it is drawn, from the input's first hidden layer to the output, which comes last. */
export interface NetworkLayer {
  number: number;
  name: string;
  size: number;
  units: number[];
  route: "none" | "layerwise" | "direct" | "bp" | "output";
  rule: string;
  carrier: string;
  slope_symbol: string;
  point: string;
  gradient_angle: number | null;
  gradient_chance: Band | null;
  weight_angle: number | null;
  gradient_norm: number | null;
  bp_gradient_norm: number | null;
  delta_norm: number | null;
  bp_delta_norm: number | null;
  preactivation: number[] | null;
  activity: number[] | null;
  slope: number[] | null;
  received: number[] | null;
  delta: number[] | null;
  bp_delta: number[] | null;
  weights: Matrix | null;
  feedback: Matrix | null;
  partner: Matrix | null;
}

/** The sample that goes through the network: its number in the probe batch, its input, what it is, what is said. */
export interface NetworkSample {
  number: number;
  count: number;
  input: number[];
  input_size: number;
  shape: number[] | null;
  units: number[];
  target: string;
  prediction: string;
  labels: string[];
  says: number[];
  error: number[];
}

/** One quantity of the chosen unit: its symbol, its name in words, the sum or product that gives it, its value. */
export interface NumberLine {
  symbol: string;
  name: string;
  formula: string;
  value: string;
}

/** The arithmetic of one unit for one sample, line by line: e, e B, f′, δ, ΔW, and BP's beside. */
export interface UnitNumbers {
  layer: number;
  unit: number;
  sample: number;
  title: string;
  lines: NumberLine[];
}

/** The network as it stands after ``step`` updates; the angles are those of ``measured_at``. */
export interface NetworkState {
  part: string;
  type: string;
  buffers: number;
  step: number;
  measured_at: number | null;
  rule: string;
  rule_title: string;
  layers: NetworkLayer[];
  sample: NetworkSample | null;
  numbers: UnitNumbers | null;
  error_from: "error" | "sign(error)" | "targets" | "none";
  summary: string;
}

/** A picture that fits the run. */
export interface PictureChoice {
  name: string;
  title: string;
  layered: boolean;
}

/** One picture: the PNG is the message's buffer; what cannot be drawn is said in ``words`` without one. */
export interface PictureMessage {
  part: string;
  type: string;
  buffers: number;
  chosen: string;
  choices: PictureChoice[];
  layer: number;
  layers: number;
  words: string;
  width: number;
  height: number;
}

/** A step of a story that has appeared: what it says, the part that it points at (``data-part``), when it appeared in words ("" at once), and the words on the button that tries something ("" without one). */
export interface StoryStep {
  text: string;
  part: string;
  waits_for: string;
  offers: string;
}

/** The story that is told; without one ``title`` is "" and there are no steps. */
export interface StoryState {
  part: string;
  type: string;
  buffers: number;
  name: string;
  title: string;
  question: string;
  steps: StoryStep[];
  count: number;
  place: number;
  waits_for: string;
  told: boolean;
  ended: boolean;
  stuck: string;
  next_takes_offer: boolean;
  speed: number | null;
}

export const NO_PICTURE = "none";

export const FIRST_PICTURE = "matrix";

export interface Button {
  verb: string;
  text: string;
  help: string;
  key: string;
  key_help: string;
}

export const BUTTONS: Record<string, Button> = {
  "play": {
    "verb": "play",
    "text": "▶ Play",
    "help": "Train until paused",
    "key": "space",
    "key_help": "play or pause"
  },
  "step_1": {
    "verb": "step",
    "text": "×1",
    "help": "Train 1 step, then pause",
    "key": "→",
    "key_help": "one step"
  },
  "step_10": {
    "verb": "step",
    "text": "×10",
    "help": "Train 10 steps, then pause",
    "key": "",
    "key_help": ""
  },
  "step_100": {
    "verb": "step",
    "text": "×100",
    "help": "Train 100 steps, then pause",
    "key": "",
    "key_help": ""
  },
  "reset": {
    "verb": "reset",
    "text": "Reset",
    "help": "Start again from the same initial weights",
    "key": "r",
    "key_help": "reset: the same weights again"
  },
  "new_seed": {
    "verb": "new_seed",
    "text": "New seed",
    "help": "Start again from other weights and feedback",
    "key": "n",
    "key_help": "new seed: other weights"
  },
  "undo": {
    "verb": "undo",
    "text": "Undo",
    "help": "Set the last change back; it goes on from these weights",
    "key": "u",
    "key_help": "undo the last change"
  },
  "fork": {
    "verb": "fork",
    "text": "Fork…",
    "help": "Go on twice from this step, with one thing changed in the second run",
    "key": "f",
    "key_help": "fork the run here"
  },
  "pin": {
    "verb": "pin",
    "text": "Pin",
    "help": "Keep this run's curves as a faint reference",
    "key": "p",
    "key_help": "pin the run as a reference"
  },
  "slow": {
    "verb": "slow",
    "text": "slow",
    "help": "Slow motion: one step after the other, with its phases",
    "key": "",
    "key_help": ""
  },
  "presets": {
    "verb": "preset",
    "text": "stories",
    "help": "Runs worth seeing, one click each",
    "key": "",
    "key_help": ""
  },
  "story_back": {
    "verb": "story",
    "text": "Back",
    "help": "The step of the story before this one",
    "key": "",
    "key_help": ""
  },
  "story_next": {
    "verb": "story",
    "text": "Next",
    "help": "The next step of the story: training goes on until it appears",
    "key": "",
    "key_help": ""
  },
  "story_leave": {
    "verb": "story",
    "text": "Let me play",
    "help": "Leave the story: nothing pauses any more",
    "key": "",
    "key_help": ""
  },
  "story_return": {
    "verb": "story",
    "text": "Back to the story",
    "help": "Go on with the story where you left it",
    "key": "",
    "key_help": ""
  },
  "share": {
    "verb": "share",
    "text": "Renew",
    "help": "The texts of the run as it is now",
    "key": "",
    "key_help": ""
  },
  "load": {
    "verb": "load",
    "text": "Load",
    "help": "Make ready the run that this text describes",
    "key": "",
    "key_help": ""
  },
  "save_csv": {
    "verb": "save",
    "text": "CSV",
    "help": "Every value measured, one row each",
    "key": "",
    "key_help": ""
  },
  "save_png": {
    "verb": "save",
    "text": "PNG",
    "help": "The pictures as they are now",
    "key": "",
    "key_help": ""
  },
  "save_html": {
    "verb": "save",
    "text": "Report",
    "help": "One HTML file that opens without a kernel",
    "key": "",
    "key_help": ""
  },
  "save_script": {
    "verb": "save",
    "text": "Script",
    "help": "A Python script that makes the run again, to the last bit",
    "key": "",
    "key_help": ""
  },
  "save_json": {
    "verb": "save",
    "text": "JSON",
    "help": "The session: settings, changes, steps",
    "key": "",
    "key_help": ""
  },
  "pause": {
    "verb": "pause",
    "text": "❚❚ Pause",
    "help": "Stop at the next step; the notebook's own ■ stops cells, not this",
    "key": "space",
    "key_help": ""
  }
};
