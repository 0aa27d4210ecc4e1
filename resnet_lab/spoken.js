// What ipywidgets leave out for readers who cannot see them: names of slider handles, the value
// that stands beside a slider, which toggle button is on, what a picture shows. And the arrow keys
// of a menu, which JupyterLab would keep for itself.
(() => {
  if (window.resnetLabSpoken) return; // one for the whole page
  const set = (element, attribute, value) => {
    if (element && value && element.getAttribute(attribute) !== value) {
      element.setAttribute(attribute, value);
    }
  };
  const text = (box, part) => box.querySelector(part)?.textContent?.trim();
  const speak = () => {
    for (const box of document.querySelectorAll(".widget-slider")) {
      const handle = box.querySelector("[role=slider]");
      set(handle, "aria-label", text(box, ".widget-label"));
      set(handle, "aria-valuetext", text(box, ".widget-readout"));
      set(box.querySelector(".widget-readout"), "aria-label", text(box, ".widget-label") + ", typed");
    }
    for (const box of document.querySelectorAll(".widget-toggle-buttons")) {
      set(box, "role", "group");
      set(box, "aria-label", text(box, ".widget-label"));
    }
    for (const button of document.querySelectorAll(".widget-toggle-button")) {
      set(button, "aria-pressed", String(button.classList.contains("mod-active")));
    }
    for (const button of document.querySelectorAll(".widget-button[title]")) {
      set(button, "aria-description", button.title);
    }
    for (const menu of document.querySelectorAll(".widget-dropdown select")) {
      set(menu, "aria-label", text(menu.closest(".widget-dropdown"), ".widget-label"));
      set(menu, "data-lm-suppress-shortcuts", "true");
    }
    for (const picture of document.querySelectorAll("[class*=lab-] img:not([alt])")) {
      set(picture, "alt", "a figure; what it shows is said in the text and tables around it");
    }
  };
  let due = false;
  window.resnetLabSpoken = new MutationObserver(() => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      speak();
    });
  });
  const attributeFilter = ["class", "aria-valuetext", "title"];
  window.resnetLabSpoken.observe(document.body, {
    subtree: true,
    childList: true,
    characterData: true,
    attributes: true,
    attributeFilter,
  });
  speak();
})();
