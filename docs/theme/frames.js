// The frames with the simulation, in the colours of the theme that the reader has chosen. Where a frame can't be
// reached (the book read from files) and without this, they follow the system.
(() => {
  const frames = [...document.querySelectorAll("iframe.play")];
  const book = document.documentElement;
  const dye = (frame) => {
    const root = frame.contentDocument?.documentElement;
    if (root) root.style.colorScheme = getComputedStyle(book).colorScheme;
  };
  const dyeAll = () => {
    for (const frame of frames) dye(frame);
  };
  for (const frame of frames) frame.addEventListener("load", () => dye(frame));
  dyeAll();
  new MutationObserver(dyeAll).observe(book, { attributeFilter: ["class"] });
})();
