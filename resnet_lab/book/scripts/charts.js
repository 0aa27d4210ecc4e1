// Charts: Vega draws and listens to the inputs; here stand only the names of slider stops, the
// sentence under the controls, and the hand-over of the page's data to the charts.
const bookCharts = {
  views: {}, // name of the chart -> its Vega view, for whoever wants to look
  read: (id) => JSON.parse(document.getElementById(id)?.textContent || "null"),
  name(slider) { // the stop's name beside the slider, and in the ears of who cannot see it
    const family = document.getElementById(slider.dataset.by)?.value || "";
    const stops = JSON.parse(slider.dataset.stops)[family];
    const moved = (slider.dataset.of ?? family) !== family;
    slider.dataset.of = family;
    slider.max = stops.length - 1;
    if (moved) { // other stops now: begin where they begin, and let the charts know
      slider.value = JSON.parse(slider.dataset.at)[family];
      slider.dispatchEvent(new Event("input"));
    }
    document.querySelector(`output[for="${slider.id}"]`).textContent = stops[slider.value];
    slider.setAttribute("aria-valuetext", stops[slider.value]);
  },
  async draw() {
    document.querySelectorAll("input[data-stops]").forEach((slider) => {
      const name = () => bookCharts.name(slider);
      slider.addEventListener("input", name);
      document.getElementById(slider.dataset.by)?.addEventListener("input", name);
      name();
    });
    const data = bookCharts.read("data"), status = document.getElementById("words-now");
    for (const [name, spec] of Object.entries(bookCharts.read("charts"))) {
      const whole = data ? { ...spec, datasets: data } : spec;
      const { view } = await vegaEmbed(`#${name}`, whole, { renderer: "svg", actions: false, ast: true });
      bookCharts.views[name] = view;
      if (status?.dataset.chart !== name) continue;
      const say = () => { status.textContent = view.signal("words"); };
      view.addSignalListener("words", say);
      say();
    }
    document.documentElement.dataset.drawn = "yes";
  },
};
document.addEventListener("DOMContentLoaded", () => { if (document.getElementById("charts")) bookCharts.draw(); });
