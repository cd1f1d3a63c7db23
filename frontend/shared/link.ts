// What passes between one page and the kernel: frames come, numbered; what the user does goes, numbered too.
import type { Frame, PartMessage } from "./messages.ts";

/** What anywidget gives a widget's page side. */
export interface Model {
  get(name: string): unknown;
  send(content: unknown): void;
  on(name: string, heard: (content: Frame, buffers: DataView[]) => void): void;
  off(name: string, heard: (content: Frame, buffers: DataView[]) => void): void;
}

export type Message = Record<string, unknown>;
export type Receiver = (message: PartMessage, buffers: DataView[]) => void;

const HELLO_AGAIN_MS = 1000;
const NO_ANSWER_MS = 2000;
const QUIET_MS = 900; // while something is to come: then this front end passes on nothing from a thread
const UNASKED_MS = 5000; // after anything that came by itself: in slow motion a frame comes every four seconds
const MISSED_MS = 5000; // more than between two frames of slow motion; after the last frame, while something trains
const ASK_NEXT_MS = 100;
// Where nothing has come for as long as UNASKED_MS: first so often, then after a part of the time that nothing has come.
const ASK_IDLE_MS = 1000;
const IDLE_PART = 1 / 20;
const ASK_SELDOM_MS = 15_000;

/** What JupyterLab's models say when their kernel is restarted or gone. */
const LIVE = "comm_live_update";

export class Link {
  /** Called with each part's messages, by the part's name. */
  readonly receivers = new Map<string, Receiver>();
  /** Called after each whole frame. */
  onFrame: () => void = () => {};
  /** Called when the kernel stops answering what the user does, and when it answers again. */
  onSilent: (silent: boolean) => void = () => {};
  /** Whether frames are to be expected, because something trains. */
  expects: () => boolean = () => false;

  /** Whether a run trains, in a thread of its own. */
  trains: () => boolean = () => false;

  private readonly model: Model;
  /** The name of this view. */
  readonly page = `page-${Math.random().toString(36).slice(2, 10)}`;
  private number: number | null = null; // of the last frame; null while everything is awaited
  private sent = 0; // number of the last thing done
  private open: { number: number; at: number }[] = []; // without an answer, the oldest first
  private silent = false;
  private probe = 0; // number of the last message that asked for an answer only
  private heardAt = 0;
  private unaskedAt = Number.NEGATIVE_INFINITY; // when something last came by itself
  private mustAsk = false; // nothing comes by itself: each frame is asked for
  private nextAt = Number.NEGATIVE_INFINITY; // when a frame was last asked for
  private timers: number[] = [];

  constructor(model: Model) {
    this.model = model;
  }

  /** Whether everything has come. */
  get ready(): boolean {
    return this.number !== null;
  }

  start(): void {
    this.model.on("msg:custom", this.receive);
    this.model.on(LIVE, this.checkAlive);
    this.timers.push(window.setInterval(() => this.ready || this.helloAgain(), HELLO_AGAIN_MS));
    this.timers.push(window.setInterval(() => this.askNext(), ASK_NEXT_MS));
    this.timers.push(window.setInterval(() => this.miss(), NO_ANSWER_MS / 4));
    this.hello();
  }

  stop(): void {
    for (const timer of this.timers) clearInterval(timer);
    this.model.off("msg:custom", this.receive);
    this.model.off(LIVE, this.checkAlive);
  }

  /** Send what the user did, with a number that the kernel gives back. */
  act(message: Message): void {
    this.sent += 1;
    this.open.push({ number: this.sent, at: performance.now() });
    this.send({ ...message, page: this.page, number: this.sent });
  }

  /** Send what this page is like, by its name. */
  tell(message: Message): void {
    this.send({ ...message, page: this.page });
  }

  send(message: Message): void {
    try {
      this.model.send(message);
    } catch (reason) {
      console.warn(reason); // a kernel that died takes no message: that no answer comes says so
    }
  }

  private hello(): void {
    this.send({ type: "hello" });
  }

  private receive = (frame: Frame, buffers: DataView[]): void => {
    if (!frame.asked) {
      // A frame, or a ping, that came by itself.
      this.mustAsk = false;
      this.unaskedAt = performance.now();
    }
    if (frame.type !== "frame") return;
    this.heardAt = performance.now();
    if (frame.whole) this.number = frame.number;
    else if (this.number === null) return;
    else if (frame.number !== this.number + 1) {
      this.number = null; // one was lost on the way
      this.hello();
      return;
    }
    this.number = frame.number;
    let place = 0;
    for (const message of frame.parts) {
      this.hand(message, buffers.slice(place, place + message.buffers), frame.whole);
      place += message.buffers;
    }
    this.hear(frame.answered[this.page] ?? 0);
    this.onFrame();
  };

  /** One part that cannot take its message does not keep the rest of the frame from the others. */
  private hand(message: PartMessage, buffers: DataView[], whole: boolean): void {
    try {
      this.receivers.get(message.part)?.(message, buffers);
    } catch (reason) {
      console.error(reason);
      if (whole || this.number === null) return; // to ask for the same again would bring the same
      this.number = null;
      this.hello();
    }
  }

  /** The kernel has taken everything up to this number. */
  private hear(last: number): void {
    const left = this.open.filter(({ number }) => number > last);
    if (left.length === this.open.length) return;
    this.open = left;
    this.turn(false);
  }

  private miss(): void {
    const now = performance.now();
    if (!this.open.length) {
      // While a run trains frames come by themselves: where none does, nothing else would show that nobody answers.
      const looks = this.ready && document.visibilityState === "visible";
      if (looks && this.trains() && now - this.heardAt > MISSED_MS) this.ask();
      return;
    }
    if (now - this.open[0].at < NO_ANSWER_MS) return;
    this.turn(true);
    this.open = this.open.filter(({ number }) => number !== this.probe).map((one) => ({ ...one, at: now }));
    this.ask(); // what was done may have been lost on the way
  }

  /** No answer shows that nobody is there any more. */
  private checkAlive = (): void => {
    if (this.ready && !this.open.length) this.ask();
  };

  /** Ask for an answer only. */
  private ask(): void {
    this.act({ do: "watching" });
    this.probe = this.sent;
  }

  private turn(silent: boolean): void {
    if (silent === this.silent) return;
    this.silent = silent;
    this.onSilent(silent);
  }

  /** The answer to hello comes from a thread: where nothing of a thread arrives, what is asked for does. */
  private helloAgain(): void {
    this.hello();
    this.send({ type: "next" });
  }

  /** Where a front end passes on nothing that a thread sends (Colab), ask for each frame. */
  private askNext(): void {
    if (!this.ready || document.visibilityState !== "visible" || !(this.expects() || this.open.length)) return;
    const now = performance.now();
    const trusted = this.open.length ? QUIET_MS : UNASKED_MS;
    const quiet = now - this.heardAt;
    if (quiet > QUIET_MS && now - this.unaskedAt > trusted) this.mustAsk = true;
    const pause = Math.min(ASK_SELDOM_MS, Math.max(ASK_IDLE_MS, IDLE_PART * quiet));
    if (!this.mustAsk || (quiet > UNASKED_MS && now - this.nextAt < pause)) return;
    this.nextAt = now;
    this.send({ type: "next" });
  }
}
