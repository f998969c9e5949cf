"use strict";
// What the test asks of the page: each answer is data, and each list of faults is empty for a page that is well made.
globalThis.examined = (() => {
  const CONTROLS = "a[href], button, summary, input, select, textarea, [tabindex]";
  const shown = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const controls = () => [...document.querySelectorAll(CONTROLS)].filter(shown);
  const words = (text) => text.trim().replace(/\s+/g, " ").slice(0, 60);
  const name = (control) => words(`${control.tagName} ${control.ariaLabel ?? ""} ${control.textContent}`);

  // Red, green, blue and how opaque, as computed styles have them.
  const colour = (text) => {
    const parts = text.match(/^rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)$/);
    if (!parts) throw new Error(`a colour of another form: ${text}`);
    return [Number(parts[1]), Number(parts[2]), Number(parts[3]), Number(parts[4] ?? 1)];
  };
  const over = (top, below) => top.slice(0, 3).map((part, at) => part * top[3] + below[at] * (1 - top[3]));
  const behind = (element) => {
    const canvas = matchMedia("(prefers-color-scheme: dark)").matches ? [0, 0, 0] : [255, 255, 255];
    if (!element) return canvas;
    return over(colour(getComputedStyle(element).backgroundColor), behind(element.parentElement));
  };
  const luminance = (rgb) => {
    const linear = rgb.map((part) => part / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const ratio = (style, element) => {
    const below = behind(element);
    const [low, high] = [luminance(over(colour(style.color), below)), luminance(below)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  // Every element with text of its own, also the text that the style gives it.
  const texts = () => {
    const found = [];
    for (const element of document.body.querySelectorAll("*")) {
      if (!shown(element) || element.tagName === "SCRIPT") continue;
      const own = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data);
      if (own.join("").trim()) found.push([words(own.join(" ")), getComputedStyle(element), element]);
      const before = getComputedStyle(element, "::before");
      if (!["none", "normal"].includes(before.content)) found.push([words(before.content), before, element]);
    }
    return found;
  };

  return {
    name,
    texts: () => texts().length,
    pale: () => texts().map(([text, style, element]) => [ratio(style, element), text])
      .filter(([contrast]) => contrast < 4.5).map(([contrast, text]) => `contrast ${contrast.toFixed(2)}: ${text}`),
    wide: () => {
      const root = document.documentElement;
      const width = Math.max(root.scrollWidth, document.body.scrollWidth, innerWidth);
      return width > screen.width ? [`overflow: ${width} px on a screen of ${screen.width}`] : [];
    },
    head: () => {
      const h1 = document.querySelector("h1");
      const place = h1.getBoundingClientRect();
      const seen = shown(h1) && place.height > 0 && place.top >= 0 && place.bottom <= innerHeight;
      return { title: document.title, verdict: seen ? words(h1.innerText) : "" };
    },
    controls: () => controls().map(name),
    // Where the keyboard is: the number of the control, and what can be done with it.
    focus: () => {
      const element = document.activeElement;
      const style = getComputedStyle(element);
      const kind = element.matches("button[popovertarget]") ? "opens" : element.tagName.toLowerCase();
      return {
        at: controls().indexOf(element), name: name(element), kind: element.matches(".copy") ? "copy" : kind,
        ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1,
      };
    },
    answers: () => [...document.querySelectorAll(".answer")].filter(shown).length,
    // The evidence that is open: how much of it, and whose it is.
    open: () => {
      const sheets = [...document.querySelectorAll(":popover-open")];
      return { count: sheets.length, label: sheets[0]?.ariaLabel ?? "",
        seen: sheets.flatMap((sheet) => [...sheet.querySelectorAll(".seen")]).filter(shown).length };
    },
    label: () => document.activeElement.ariaLabel ?? "",
    spread: () => document.activeElement.parentElement.open === true,
    // What the focused button says once it says something else; the clipboard takes its time.
    said: () => new Promise((done) => {
      const button = document.activeElement;
      const answer = () => button.textContent !== "Copy" && done(button.textContent);
      new MutationObserver(answer).observe(button, { childList: true, characterData: true, subtree: true });
      setTimeout(() => done(button.textContent), 5000);
      answer();
    }),
  };
})();
