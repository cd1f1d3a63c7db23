// What a button of the line opens: laid over the lower right of the screen, over the lower left where it changes the run, a
// picture over the network, so that nothing is pushed down.
import "./drawers/drawers.css";
import type { ComponentChildren, FunctionComponent } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { LivePicture } from "../pictures/LivePicture.tsx";
import { focusedBeside } from "../shared/keys.ts";
import { useLab } from "../shared/lab.tsx";
import { useStore } from "../shared/use_store.ts";
import { DerivativeEditor } from "./derivative/DerivativeEditor.tsx";
import { Compare } from "./drawers/Compare.tsx";
import { Events } from "./drawers/Events.tsx";
import { KeyList } from "./drawers/KeyList.tsx";
import { DRAWERS, type DrawerName, isOffered, shutBecause } from "./drawers/names.ts";
import { Phases } from "./drawers/Phases.tsx";
import { Settings } from "./drawers/Settings.tsx";
import { Share } from "./drawers/Share.tsx";
import { Stories } from "./drawers/Stories.tsx";

const CONTENTS: Record<string, FunctionComponent> = {
  stories: Stories,
  compare: Compare,
  pictures: LivePicture,
  settings: Settings,
  events: Events,
  share: Share,
  keys: KeyList,
  phases: Phases,
  derivative: DerivativeEditor,
};
const FIRST = "select:enabled, input:enabled, textarea:enabled, button:enabled, summary, [tabindex='0']";

export function Drawers() {
  const lab = useLab();
  const name = useStore(lab.page, (state) => state.drawer);
  const stays = useStore(lab.panel, (state) => isOffered(state, name) && !shutBecause(state, name));
  const drawer = DRAWERS.find((one) => one.name === name);
  useEffect(() => {
    if (name && !stays) lab.page.patch({ drawer: "" });
  });
  const Content = CONTENTS[name];
  if (!drawer || !stays || !Content) return null;
  return (
    <Drawer key={name} of={drawer}>
      <Content />
    </Drawer>
  );
}

function Drawer({ of, children }: { of: DrawerName; children: ComponentChildren }) {
  const lab = useLab();
  const box = useRef<HTMLElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const shut = () => lab.page.patch({ drawer: "" });
  useLayoutEffect(() => {
    const own = box.current;
    const place = own?.getRootNode() as Document | ShadowRoot | undefined; // kept: when this ends, `own` is in none
    const from = focusedBeside(own);
    (body.current?.querySelector<HTMLElement>(FIRST) ?? own)?.focus({ preventScroll: true });
    own?.scrollIntoView({ block: "nearest" }); // the page may be scrolled
    return () => {
      // Back to where it was opened, unless the user is elsewhere by now.
      const now = place?.activeElement;
      if (!now || now === document.body || own?.contains(now)) from?.focus({ preventScroll: true });
    };
  }, []);
  useEffect(() => {
    // Wherever in this widget the focus is: a button above may have it.
    const root = lab.root;
    const shutByEscape = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || event.defaultPrevented || root?.querySelector(":popover-open")) return;
      lab.page.patch({ drawer: "" });
    };
    root?.addEventListener("keydown", shutByEscape);
    return () => root?.removeEventListener("keydown", shutByEscape);
  }, [lab]);
  return (
    <aside
      ref={box}
      class={`dfa-drawer dfa-drawer-${of.name}`}
      aria-label={of.title}
      tabindex={-1}
      data-testid={`dfa-drawer-${of.name}`}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || box.current?.querySelector(":popover-open")) return;
        event.stopPropagation();
        shut();
      }}
    >
      <header class="dfa-drawer-head">
        <h2>{of.title}</h2>
        <button
          type="button"
          class="dfa-button dfa-quiet"
          aria-label={`close: ${of.title}`}
          title="Close (Escape)"
          data-testid="dfa-close-drawer"
          onClick={shut}
        >
          ✕
        </button>
      </header>
      <div ref={body} class="dfa-drawer-body">
        {children}
      </div>
    </aside>
  );
}
