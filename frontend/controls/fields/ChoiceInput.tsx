// A choice from a registry: a menu, and below it what the chosen one may be set to beside its name.
import type { Choice, Parameter } from "../../shared/messages.ts";
import { blocked } from "../reasons.ts";
import { Dial } from "./Dial.tsx";
import { type InputProps, NumberInput, type What } from "./NumberInput.tsx";
import { same, shown, split } from "./values.ts";

const OWN = "\u0000own"; // the option for a value that no registry names: a text, points, one for each replica

interface Props extends InputProps {
  choices: Choice[];
  /** Whether a text of one's own, or points, may stand in its place. */
  free: boolean;
}

/** The menu alone. */
export function ChoiceMenu({ what, value, set, why, choices, free }: Props) {
  const names = choices.map(({ name }) => name);
  const { name } = split(value, names);
  const drawn = free && name === "points";
  // Points are drawn, not chosen: the derivative's editor makes them, and the menu names them once they are there.
  const offered = choices.filter((choice) => !free || choice.name !== "points");
  const own = name === null || drawn;
  const chosen = own ? OWN : name;
  const title = choices.find((choice) => choice.name === name)?.about ?? "";
  return (
    <select
      id={what.id}
      class="dfa-menu"
      aria-describedby={what.describedBy}
      data-testid={what.testid}
      value={chosen}
      {...blocked(why, title)}
      onChange={({ currentTarget }) => currentTarget.value !== OWN && set(currentTarget.value)}
    >
      {offered.map((choice) => (
        <option key={choice.name} value={choice.name} title={choice.about}>
          {choice.title || choice.name}
        </option>
      ))}
      {own && (
        <option value={OWN}>{drawn ? (choices.find((one) => one.name === name)?.title ?? "") : shown(value)}</option>
      )}
    </select>
  );
}

/** What the chosen one may be set to. */
export function ChoiceParameters({ what, value, set, why, choices }: Props) {
  const { name, parameters } = split(
    value,
    choices.map((choice) => choice.name),
  );
  const found = choices.find((choice) => choice.name === name)?.parameters ?? [];
  const now = (one: Parameter) => parameters[one.name] ?? one.default;
  if (!found.length) return null;
  return (
    <div class="dfa-parameters">
      {found.map((parameter) => {
        const { low, high } = parameter;
        const slider = low !== null && high !== null ? [low, high, "linear"] : null;
        const round = parameter.name === "angle" && slider !== null;
        const plain = parameter.name.replaceAll("_", " ");
        const own: What = {
          kind: parameter.kind,
          id: `${what.id}-${parameter.name}`,
          slider,
          minimum: low,
          label: `${what.label}, ${plain}`,
          unit: round ? "degrees" : "",
          testid: `${what.testid}-${parameter.name}`,
        };
        const change = (wanted: unknown) => {
          const entries = found.map((one) => [one.name, one === parameter ? wanted : now(one)]);
          const choice = { name, ...Object.fromEntries(entries) };
          if (!same(choice, value)) set(choice);
        };
        const Input = round ? Dial : NumberInput;
        const shape = round ? " dfa-round" : slider ? "" : " dfa-wide";
        return (
          <div key={`${name} ${parameter.name}`} class={`dfa-row${shape}`}>
            <label class="dfa-field-name" for={own.id}>
              {plain}
            </label>
            <Input what={own} value={now(parameter)} set={change} why={why} />
          </div>
        );
      })}
    </div>
  );
}
