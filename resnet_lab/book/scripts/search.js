// Search over all chapters: every word must begin a word of a section; titles count more.
const bookSearch = {
  words: (text) => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) || [],
  find(sections, query, limit = 12) {
    const wanted = bookSearch.words(query);
    if (!wanted.length) return [];
    return sections.map((section) => {
      const title = bookSearch.words(section.title), text = bookSearch.words(section.text);
      const scores = wanted.map((word) => 10 * title.filter((w) => w.startsWith(word)).length
        + Math.min(5, text.filter((w) => w.startsWith(word)).length));
      return { section, score: scores.includes(0) ? 0 : scores.reduce((a, b) => a + b) };
    }).filter((hit) => hit.score).sort((a, b) => b.score - a.score).slice(0, limit)
      .map((hit) => hit.section);
  },
  pieces(text, query) { // [before, found, after] around the first word that is found
    const match = new RegExp(`(?<![\\p{L}\\p{N}])(${bookSearch.words(query).join("|")})`, "iu").exec(text);
    if (!match) return [text.slice(0, 120), "", ""];
    const start = Math.max(0, match.index - 60), end = match.index + match[0].length;
    return [(start ? "…" : "") + text.slice(start, match.index), match[0], text.slice(end, end + 90)];
  },
};
document.addEventListener("DOMContentLoaded", () => {
  const input = document.getElementById("find"), list = document.querySelector(".hits");
  const element = (name, text = "") => Object.assign(document.createElement(name), { textContent: text });
  const close = () => { list.hidden = true; };
  const entry = (section) => {
    const link = element("a"), item = element("li");
    const [before, found, after] = bookSearch.pieces(section.text, input.value);
    link.href = section.address;
    link.append(element("b", section.title), element("br"), before, element("mark", found), after);
    item.append(link);
    return item;
  };
  const show = () => {
    const hits = bookSearch.find(window.bookIndex || [], input.value);
    const none = element("li");
    none.append(element("p", "Nothing found: every word must begin a word of the text."));
    list.replaceChildren(...(hits.length ? hits.map(entry) : [none]));
    list.hidden = !input.value.trim() || !window.bookIndex;
  };
  input.hidden = false;
  input.addEventListener("focus", () => { // the index is read when somebody searches, and once
    if (document.getElementById("words")) return;
    document.head.append(Object.assign(element("script"), { id: "words", src: "words.js", onload: show }));
  });
  input.addEventListener("input", show);
  document.addEventListener("click", (event) => { if (!event.target.closest(".find")) close(); });
  document.querySelector(".find").addEventListener("keydown", (event) => {
    const stops = [input, ...list.querySelectorAll("a")], at = stops.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Enter" && at === 0 && !list.hidden) { event.preventDefault(); stops[1]?.click(); }
    if (event.key === "Escape") { close(); input.focus(); }
    if (step && !list.hidden) { event.preventDefault(); stops[Math.max(0, Math.min(stops.length - 1, at + step))].focus(); }
  });
});
