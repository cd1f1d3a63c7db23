// What every component has at hand: the state of each part, and how to act.
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { Link, type Message, type Model } from "./link.ts";
import type {
  FileMessage,
  NetworkState,
  PanelMessage,
  PanelState,
  PartMessage,
  PictureMessage,
  StoryState,
} from "./messages.ts";
import { Store } from "./store.ts";
import { isDark } from "./theme.ts";

/** A picture with the address of its PNG, "" where there is none. */
export interface Picture extends PictureMessage {
  source: string;
}

/** What a message is refused for, and which control asked for it ("" where nobody knows). */
export interface Refusal {
  text: string;
  by: string;
}

/** What only this page knows. */
export interface PageState {
  /** The drawer that is open, "" for none. */
  drawer: string;
  /** The panel of the chart that is enlarged, "" for none. */
  enlarged: string;
  /** Whether the digits of one unit are shown. */
  numbers: boolean;
  refusal: Refusal;
  /** Whether the kernel does not answer. */
  silent: boolean;
  /** A question before runs are dropped: which message waits for the answer. */
  question: { words: string; message: Message } | null;
}

const STILL_HERE_MS = 20_000; // where nobody looks for long, the kernel pauses
const SOON_MS = 3_000; // what is refused later has another reason than what was asked for last
const SAVED_MS = 60_000; // a file that comes later is one that another page asked for
/** What begins anew, and in which words. */
const ANEW: Record<string, string> = {
  reset: "MAIN anew at step 0",
  new_seed: "MAIN anew at step 0, from other weights,",
  new_run: "a new run in place of MAIN, with its other settings,",
  preset: "another run in place of MAIN",
  load: "another run in place of MAIN",
};
const CALM: Refusal = { text: "", by: "" };

export class Lab {
  readonly link: Link;
  readonly panel = new Store<PanelState>({});
  readonly network = new Store<NetworkState | null>(null);
  readonly picture = new Store<Picture | null>(null);
  readonly story = new Store<StoryState | null>(null);
  readonly page = new Store<PageState>({
    drawer: "",
    enlarged: "",
    numbers: false,
    refusal: CALM,
    silent: false,
    question: null,
  });
  /** What the kernel gave a part that stands alone: its fields, its panels. */
  readonly options: Record<string, unknown>;
  root: HTMLElement | null = null;

  private sees = false; // the picture
  private asked = { by: "", at: 0 };
  private savingFrom = Number.NEGATIVE_INFINITY; // when a file was asked for
  private dark: boolean | null = null;
  private timer = 0;

  constructor(model: Model) {
    this.options = (model.get("options") as Record<string, unknown>) ?? {};
    this.link = new Link(model);
    this.link.receivers.set("panel", (message, buffers) => this.hearPanel(message, buffers));
    this.link.receivers.set("network", (message) => this.network.set(message as NetworkState));
    this.link.receivers.set("story", (message) => this.story.set(message as StoryState));
    this.link.receivers.set("picture", (message, buffers) => this.hearPicture(message as PictureMessage, buffers));
    this.link.trains = () => this.panel.get().running === true;
    this.link.expects = () => this.link.trains() || this.options.follows === false;
    this.link.onSilent = (silent) => this.page.patch({ silent });
  }

  start(root: HTMLElement): void {
    this.root = root;
    this.link.start();
    this.timer = window.setInterval(() => {
      if (document.visibilityState === "visible" && this.link.ready) this.link.send({ do: "watching" });
    }, STILL_HERE_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    this.link.stop();
    URL.revokeObjectURL(this.picture.get()?.source ?? "");
  }

  /**
   * Send what the user did; `by` names the control that asks, beside which a refusal is said. What would drop runs is
   * asked about first.
   */
  act(message: Message, by = ""): void {
    const { lanes = [] } = this.panel.get();
    const ofStory = message.do === "preset" && Boolean(this.story.get()?.told); // its runs come again with it
    if (lanes.length > 1 && !ofStory && String(message.do) in ANEW) {
      const [main, ...names] = lanes.map(({ name }) => name);
      const begins = ANEW[String(message.do)].replace("MAIN", () => main);
      const drops = `drops ${names.length} other run${names.length > 1 ? "s" : ""}: ${names.join(", ")}.`;
      this.page.patch({ question: { words: `This begins ${begins} and ${drops}`, message } });
      return;
    }
    this.send(message, by);
  }

  /** Do what a question was about, or leave it. */
  answer(yes: boolean): void {
    const { question } = this.page.get();
    this.page.patch({ question: null });
    if (yes && question) this.send(question.message, "");
  }

  /** Ask the kernel for a file; it comes in a message of its own. */
  save(kind: string): void {
    this.savingFrom = performance.now();
    this.send({ do: "save", kind }, `save_${kind}`);
  }

  /** Tell the kernel whether the page is dark, where that has changed: it draws pictures. */
  tellDark(): void {
    if (!this.root || !this.link.ready) return;
    const dark = isDark(getComputedStyle(this.root).backgroundColor);
    if (dark === this.dark) return;
    this.dark = dark;
    this.link.send({ type: "dark", dark });
  }

  /** Tell the kernel whether the picture is on this page: it is drawn only then. */
  seePicture(sees: boolean): void {
    this.sees = sees;
    if (this.link.ready) this.link.tell({ type: "seen", seen: sees });
  }

  private send(message: Message, by: string): void {
    this.asked = { by, at: performance.now() };
    this.link.act(message);
  }

  private hearPanel(message: PartMessage, buffers: DataView[]): void {
    if (message.type === "file") {
      this.keep(message as FileMessage, buffers[0]);
      return;
    }
    const { state, gone, type } = message as PanelMessage;
    const before = this.panel.get();
    const next: PanelState = type === "snapshot" ? { ...state } : { ...before, ...state };
    for (const name of gone) delete next[name as keyof PanelState];
    if (next.error !== before.error) this.refuse(next.error ?? "");
    if ((next.lanes ?? []).length < 2 && this.page.get().question) this.page.patch({ question: null });
    this.panel.set(next);
    if (next.opened && next.opened !== before.opened) this.page.patch({ drawer: "pictures" });
    if (type === "snapshot") {
      this.dark = null; // a kernel that knows nothing yet is told anew
      requestAnimationFrame(() => this.tellDark());
      this.link.tell({ type: "seen", seen: this.sees });
    }
  }

  private refuse(text: string): void {
    const soon = performance.now() - this.asked.at < SOON_MS;
    if (text && this.asked.by.startsWith("save_")) this.savingFrom = Number.NEGATIVE_INFINITY;
    this.page.patch({ refusal: text ? { text, by: soon ? this.asked.by : "" } : CALM });
  }

  private hearPicture(message: PictureMessage, buffers: DataView[]): void {
    URL.revokeObjectURL(this.picture.get()?.source ?? "");
    const source = buffers.length
      ? URL.createObjectURL(new Blob([buffers[0] as DataView<ArrayBuffer>], { type: "image/png" }))
      : "";
    this.picture.set({ ...message, source });
  }

  private keep({ name, kind }: FileMessage, data: DataView): void {
    if (performance.now() - this.savingFrom > SAVED_MS) return; // another page asked for it
    this.savingFrom = Number.NEGATIVE_INFINITY;
    const address = URL.createObjectURL(new Blob([data as DataView<ArrayBuffer>], { type: kind }));
    const link = document.createElement("a");
    link.href = address;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }
}

export const LabContext = createContext<Lab | null>(null);

/** The lab around the component. */
export function useLab(): Lab {
  const lab = useContext(LabContext);
  if (!lab) throw new Error("a component of the lab stands outside of one");
  return lab;
}
