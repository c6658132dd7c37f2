/* Charts: each is a div with data-chart, a JSON of figures and words. Colours are the page's own tokens, so that both themes fit. */
(() => {
  "use strict";
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--pw-${name}`).trim();
  const LABEL_PX = 64; // a date below an axis, with the space beside it
  const live = new Map();

  const axis = (more = {}) => Object.assign({
    axisLine: { lineStyle: { color: token("line-strong") } }, axisTick: { show: false },
    axisLabel: { color: token("axis"), fontSize: 11, fontFamily: token("font") }, splitLine: { lineStyle: { color: token("grid") } },
  }, more);
  const tip = (unit) => ({
    trigger: "axis", renderMode: "richText", backgroundColor: token("surface"), borderColor: token("line-strong"), padding: [6, 10],
    textStyle: { color: token("ink"), fontSize: 12, fontFamily: token("font") }, axisPointer: { lineStyle: { color: token("line-strong") }, shadowStyle: { color: token("grid"), opacity: 0.5 } },
    valueFormatter: (value) => (value === null || value === undefined ? "\u2014" : `${Number(value).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })} ${unit}`),
  });
  /* the unit above the figures, as in the head of a column */
  const measure = (unit) => axis({ type: "value", name: unit, nameGap: 10, nameTextStyle: { color: token("axis"), fontSize: 11, align: "right", padding: [0, 8, 0, 0] }, axisLine: { show: false }, splitNumber: 4 });
  const legend = (names) => ({ left: 8, top: 0, itemWidth: 16, itemHeight: 2, icon: "rect", textStyle: { color: token("ink-2"), fontSize: 12 }, data: names });

  /* tariff bands as a quiet ground: their colour everywhere alike, and their word where there is room for it */
  const ground = (bands, f) => ({
    silent: true,
    data: bands.map((one) => [
      { xAxis: one.from, name: f.labels.indexOf(one.to) - f.labels.indexOf(one.from) >= f.labels.length / 16 ? one.word : "", itemStyle: { color: token(`band-${one.band}`), opacity: 0.13 }, label: { position: "insideTop", color: token("ink-3"), fontSize: 11 } },
      { xAxis: one.to },
    ]),
  });

  const kinds = {
    /* today solid, yesterday thin and dashed */
    load: (f) => ({
      grid: { left: 44, right: 16, top: 28, bottom: 24 }, legend: legend([f.today_name, f.yesterday_name]), tooltip: tip(f.unit),
      xAxis: axis({ type: "category", data: f.labels, boundaryGap: false, splitLine: { show: false }, axisLabel: { interval: Math.max(0, Math.round(f.labels.length / 8) - 1), color: token("axis"), fontSize: 11 } }),
      yAxis: axis({ type: "value", axisLine: { show: false }, splitNumber: 5 }),
      series: [
        { name: f.yesterday_name, type: "line", data: f.yesterday, showSymbol: false, lineStyle: { width: 1.3, color: token("c6"), type: [4, 3] }, itemStyle: { color: token("c6") }, markArea: f.bands && f.bands.length ? ground(f.bands, f) : undefined },
        { name: f.today_name, type: "line", data: f.today, showSymbol: false, lineStyle: { width: 2.2, color: token("c1") }, itemStyle: { color: token("c1") }, markPoint: f.now ? { symbol: "circle", symbolSize: 9, label: { show: true, position: f.now.at > f.labels.length * 0.75 ? "left" : "right", formatter: f.now.text, color: token("ink"), fontSize: 12, fontWeight: 600 }, data: [{ coord: [f.labels[f.now.at], f.now.value] }] } : undefined },
      ],
    }),
    /* what was read in a day: a line each */
    lines: (f) => ({
      grid: { left: 54, right: 12, top: f.unit ? 46 : 30, bottom: 22 }, tooltip: tip(f.unit), legend: legend(f.series.map((one) => one.name)),
      xAxis: axis({ type: "category", data: f.labels, boundaryGap: false, splitLine: { show: false }, axisLabel: { hideOverlap: true, color: token("axis"), fontSize: 11 } }),
      yAxis: Object.assign(measure(f.unit), f.most ? { max: f.most } : {}),
      series: f.series.map((one, place) => ({
        name: one.name, type: "line", data: one.values, showSymbol: false, lineStyle: { width: 1.8, type: place ? [[5, 3], [2, 2]][place - 1] : "solid", color: token(`c${place + 1}`) }, itemStyle: { color: token(`c${place + 1}`) },
      })),
    }),
    /* one meter's day: bars, yesterday as a dashed outline */
    day: (f) => ({
      grid: { left: 34, right: 8, top: 22, bottom: 20 }, tooltip: tip(f.unit),
      xAxis: axis({ type: "category", data: f.labels, splitLine: { show: false }, axisLabel: { interval: 5, color: token("axis"), fontSize: 11 } }),
      yAxis: axis({ type: "value", name: f.unit, nameGap: 6, nameTextStyle: { color: token("axis"), fontSize: 11 }, splitNumber: 3, axisLine: { show: false } }),
      series: [
        { name: f.today_name, type: "bar", data: f.today, barWidth: "66%", itemStyle: { color: token("c1"), borderRadius: [2, 2, 0, 0] } },
        { name: f.yesterday_name, type: "line", data: f.yesterday, step: "middle", showSymbol: false, lineStyle: { width: 1.2, color: token("c6"), type: [3, 3] }, itemStyle: { color: token("c6") } },
      ],
    }),
    /* a row of days */
    days: (f) => ({
      grid: { left: 4, right: 4, top: 6, bottom: 18 }, tooltip: tip(f.unit),
      xAxis: axis({ type: "category", data: f.labels, axisLabel: { interval: 6, fontSize: 11, color: token("axis") } }), yAxis: { show: false, type: "value" },
      series: [{ name: f.name, type: "bar", data: f.values, barWidth: "64%", itemStyle: { color: token("c1"), borderRadius: [2, 2, 0, 0] } }],
    }),
    /* a row of periods: what is added up stands on the line, what went back hangs below it */
    bars: (f) => ({
      grid: { left: 64, right: 12, top: f.series.length > 1 ? 44 : 26, bottom: 22 }, tooltip: tip(f.unit),
      legend: f.series.length > 1 ? Object.assign(legend(f.series.map((one) => one.name)), { type: "scroll", itemHeight: 8, itemWidth: 12 }) : undefined,
      xAxis: axis({ type: "category", data: f.labels, splitLine: { show: false }, axisLabel: { hideOverlap: true, color: token("axis"), fontSize: 11 } }),
      yAxis: measure(f.unit),
      series: f.series.map((one, place) => ({
        name: one.name, type: "bar", stack: "all", data: one.values, barMaxWidth: 34,
        itemStyle: { color: token(one.back ? "c5" : `c${(place % 4) + 1}`), opacity: place > 3 && !one.back ? 0.6 : 1 },
      })),
    }),
    /* what was used, and what was used in the days it is held against as a dashed step */
    compare: (f, room) => ({
      grid: { left: 64, right: 12, top: f.earlier.length ? 44 : 26, bottom: 22 }, tooltip: tip(f.unit),
      legend: f.earlier.length ? legend([f.name, f.earlier_name]) : undefined,
      xAxis: axis({ type: "category", data: f.labels, splitLine: { show: false }, axisLabel: { hideOverlap: true, interval: Math.max(0, Math.ceil(f.labels.length / Math.min(12, room)) - 1), color: token("axis"), fontSize: 11 } }),
      yAxis: measure(f.unit),
      series: [
        { name: f.name, type: "bar", data: f.values, barMaxWidth: 34, itemStyle: { color: token("c1"), borderRadius: [2, 2, 0, 0] } },
        { name: f.earlier_name, type: "line", data: f.earlier, step: "middle", showSymbol: false, lineStyle: { width: 1.6, color: token("c6"), type: [4, 3] }, itemStyle: { color: token("c6") } },
      ],
    }),
    /* ways of paying, lying down */
    ways: (f) => ({
      grid: { left: 78, right: 84, top: 4, bottom: 4 }, xAxis: { show: false, type: "value" },
      yAxis: axis({ type: "category", inverse: true, data: f.labels, axisLine: { show: false }, splitLine: { show: false }, axisLabel: { color: token("ink-2"), fontSize: 12, align: "left", margin: 74 } }),
      series: [{ type: "bar", data: f.values, barWidth: 12, itemStyle: { color: token("c1"), borderRadius: 2 }, label: { show: true, position: "right", color: token("ink"), fontSize: 12, formatter: (point) => f.texts[point.dataIndex] } }],
    }),
  };

  const draw = (place) => {
    if (!window.echarts || !place.clientWidth || !place.clientHeight) return;
    const figures = JSON.parse(place.dataset.chart);
    let chart = live.get(place);
    if (!chart) {
      chart = window.echarts.init(place, null, { renderer: "canvas" });
      live.set(place, chart);
    }
    chart.setOption(Object.assign({ animation: false, textStyle: { fontFamily: token("font") } }, kinds[figures.kind](figures, Math.max(2, Math.floor(place.clientWidth / LABEL_PX)))), true);
  };
  const drawAll = () => {
    live.forEach((chart, place) => { if (!document.contains(place)) { chart.dispose(); live.delete(place); } });
    document.querySelectorAll("[data-chart]").forEach(draw);
    document.querySelectorAll("[data-picture]").forEach((one) => { one.hidden = !window.echarts; });
  };
  /* a picture as it stands, in the page's own colours: for a letter or a slide */
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-picture]");
    const chart = button && live.get(button.closest(".chart-acts").previousElementSibling);
    if (!chart) return;
    const link = document.createElement("a");
    link.href = chart.getDataURL({ pixelRatio: 2, backgroundColor: token("surface") });
    link.download = `${document.title}.png`;
    link.click();
  });
  document.addEventListener("DOMContentLoaded", drawAll);
  document.addEventListener("htmx:afterSettle", drawAll);
  document.addEventListener("prewatt:theme", drawAll);
  window.addEventListener("resize", () => live.forEach((chart, place) => { if (place.clientWidth) chart.resize(); }));
})();
