"use strict";
// Draws every figure of the page: curves over time, or bars over labels. Drag to zoom, double-click to see all again.
const COLOURS = ["#1f5fa8", "#c8502d", "#2f8f5b", "#7d4fa3", "#b8860b", "#4a5560", "#c2367f", "#178a9c"];

const withZero = (_, low, high) => uPlot.rangeNum(Math.min(low ?? 0, 0), Math.max(high ?? 0, 0), 0.1, true);

function drawn(box) {
  const told = JSON.parse(box.querySelector("script").textContent);
  const bars = told.labels.length > 0;
  const label = (place) => (Number.isInteger(place) ? told.labels[place] ?? "" : "");
  const series = told.curves.map(({ name }, number) => {
    const colour = COLOURS[number % COLOURS.length];
    const value = (_, one) => (one == null ? "" : one.toLocaleString(undefined, { maximumSignificantDigits: 6 }));
    const shape = bars
      ? { fill: colour + "99", paths: uPlot.paths.bars({ size: [0.7, 60] }), points: { show: false } }
      : { width: 1.5, spanGaps: true };
    return { label: name, stroke: colour, value, ...shape };
  });
  const places = told.labels.map((_, place) => place);
  const options = {
    width: box.clientWidth,
    height: 340,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "Etc/UTC"),
    scales: bars ? { x: { time: false, range: (_, low, high) => [low - 0.6, high + 0.6] }, y: { range: withZero } } : {},
    cursor: { drag: { x: true, y: true, uni: 30 } },
    series: [bars ? { label: "of", value: (_, place) => label(place) } : { value: "{YYYY}-{MM}-{DD} {HH}:{mm}" }, ...series],
    axes: [
      bars ? { values: (_, splits) => splits.map(label), rotate: told.labels.length > 12 ? -60 : 0, size: 90 } : {},
      { label: told.unit, size: 80 },
    ],
  };
  const plot = new uPlot(options, [bars ? places : told.times, ...told.curves.map(({ values }) => values)], box);
  addEventListener("resize", () => plot.setSize({ width: box.clientWidth, height: 340 }));
  return plot;
}

const plots = [...document.querySelectorAll("[data-figure]")].map(drawn);
