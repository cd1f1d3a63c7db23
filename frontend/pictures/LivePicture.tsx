// One picture of the run at this step, and the menus that choose it.
import "./pictures.css";
import { useEffect } from "preact/hooks";
import { useLab } from "../shared/lab.tsx";
import { NO_PICTURE } from "../shared/messages.ts";
import { useStore } from "../shared/use_store.ts";

export function LivePicture() {
  const lab = useLab();
  const picture = useStore(lab.picture, (state) => state);
  useEffect(() => {
    lab.seePicture(true);
    return () => lab.seePicture(false);
  }, [lab]);
  if (!picture) return <div class="dfa-picture" />;
  const { chosen, choices, layer, layers, words, source, width, height } = picture;
  const choose = (name: string, which: number | null) => lab.act({ do: "picture", name, layer: which }, "picture");
  return (
    <div class="dfa-picture" data-part="picture">
      <div class="dfa-picture-menus">
        <label>
          picture{" "}
          <select
            class="dfa-menu"
            data-testid="dfa-picture-menu"
            value={chosen}
            onChange={(event) => choose(event.currentTarget.value, null)}
          >
            <option value={NO_PICTURE}>none</option>
            {choices.map(({ name, title }) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
          </select>
        </label>
        {layers > 1 && (
          <label>
            layer{" "}
            <select
              class="dfa-menu"
              data-testid="dfa-picture-layer"
              value={String(layer)}
              onChange={(event) => choose(chosen, Number(event.currentTarget.value))}
            >
              {Array.from({ length: layers }, (_, place) => String(place + 1)).map((number) => (
                <option key={number} value={number}>
                  {number}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      {source ? (
        <img src={source} alt={words} width={width} height={height} data-testid="dfa-picture" />
      ) : (
        <p role="status">{words || (chosen === NO_PICTURE ? "No picture is chosen." : "")}</p>
      )}
    </div>
  );
}
