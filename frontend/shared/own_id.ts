// Ids that no other widget or view on the page has.
import { useId } from "preact/hooks";
import { useLab } from "./lab.tsx";

/** Preact counts ids within one view; the page's name tells those of several views apart. */
export const useOwnId = (): string => `${useLab().link.page}-${useId()}`;
