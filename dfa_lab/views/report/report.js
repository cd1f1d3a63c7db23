// Draws the figure in the page's own colours, and again when light turns to dark or the page gets narrow.
(function () {
  const holder = document.getElementById("plot");
  const { data, layout } = JSON.parse(document.getElementById("figure").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const narrow = window.matchMedia("(max-width: 640px)");

  const channels = (colour) => {
    const hex = /^#(..)(..)(..)$/.exec(colour || "");
    return hex && hex.slice(1).map((part) => parseInt(part, 16));
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((one) => one / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  // A line keeps on a dark background the contrast that it has to white.
  const onDark = (colour) => {
    const start = channels(colour);
    if (!start) return colour;
    const wanted = Math.min(1.05 / (luminance(start) + 0.05), 12);
    for (let share = 0; share <= 1; share += 0.05) {
      const mixed = start.map((one) => Math.round(one + share * (230 - one)));
      if ((luminance(mixed) + 0.05) / (luminance([17, 17, 17]) + 0.05) >= wanted) {
        return "#" + mixed.map((one) => one.toString(16).padStart(2, "0")).join("");
      }
    }
    return "#e6e6e6";
  };
  const COLOURS = ["color", "linecolor", "gridcolor", "zerolinecolor", "tickcolor", "spikecolor"];
  const everyOnDark = (value) => (Array.isArray(value) ? value.map(onDark) : onDark(value));
  const recoloured = (value) => {
    if (Array.isArray(value)) return value.map(recoloured);
    if (!value || typeof value !== "object" || ArrayBuffer.isView(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => [
        name,
        COLOURS.includes(name) ? everyOnDark(one) : recoloured(one),
      ]),
    );
  };

  // On a narrow screen the legends stand below the plot, one under the other.
  const LINE = 19, TITLE = 26, GAP = 12;
  const legendsBelow = (shown) => {
    const names = ["legend", "legend2"].filter((name) => shown.layout[name]);
    const bottom = shown.layout.margin.b;
    const height = shown.layout.height - shown.layout.margin.t - bottom;
    const placed = {};
    let used = bottom;
    for (const name of names) {
      const entries = shown.data.filter((one) => one.showlegend !== false && (one.legend || "legend") === name).length;
      placed[name] = { ...shown.layout[name], x: 0, y: -used / height };
      used += LINE * entries + (shown.layout[name].title ? TITLE : 0) + GAP;
    }
    const margin = { ...shown.layout.margin, l: 64, r: 8, b: used };
    return { ...placed, margin, height: shown.layout.height + used - bottom };
  };

  // Nor is there room for the words beside the changes: they are on hover, and in the table below.
  const withoutText = (one) => (one.mode === "markers+text" ? { ...one, mode: "markers" } : one);

  const draw = () => {
    const night = dark.matches;
    const foreground = night ? "#e6e6e6" : "#1a1a1a";
    const background = night ? "#111111" : "#ffffff";
    const shown = night ? { data: recoloured(data), layout: recoloured(layout) } : { data, layout };
    const grid = night ? "#333333" : "#e2e2e2";
    const axes = Object.fromEntries(
      Object.keys(layout)
        .filter((name) => /^[xy]axis\d*$/.test(name))
        .map((name) => [name, { ...shown.layout[name], gridcolor: grid, linecolor: grid }]),
    );
    Plotly.react(
      holder,
      narrow.matches ? shown.data.map(withoutText) : shown.data,
      {
        ...shown.layout,
        ...axes,
        ...(narrow.matches ? legendsBelow(shown) : {}),
        font: { ...shown.layout.font, color: foreground },
        paper_bgcolor: background,
        plot_bgcolor: background,
        hoverlabel: { bgcolor: background, font: { color: foreground } },
      },
      { responsive: true, displaylogo: false, toImageButtonOptions: { format: "png", scale: 2 } },
    );
  };
  draw();
  dark.addEventListener("change", draw);
  narrow.addEventListener("change", draw);
})();
