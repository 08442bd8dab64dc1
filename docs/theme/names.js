// Names in tables and sentences, broken where their readers would break them: between words, and on a phone at their
// joints (after `::`, `_`, `/`, before a capital), never between the dashes of `--option`. Without this they are
// broken as all words are.
(() => {
  const element = (name, ...children) => {
    const span = document.createElement("span");
    span.className = name;
    span.append(...children);
    return span;
  };
  // A sign belongs to what it ends, at the beginning to what follows. What is short stays whole.
  const SHORT = 12;
  const JOINT = /[-_:./(,=|]*[^-_:./(,=|]*?(?:[-_:./(,=|]+|[a-z](?=[A-Z])|$)/g;
  const pieces = (word) => (word.length > SHORT ? word.match(JOINT).filter(Boolean) : [word]);
  const joined = (word) => pieces(word).flatMap((piece) => [document.createElement("wbr"), element("piece", piece)]).slice(1);
  for (const code of document.querySelectorAll("main :is(p, li, td, th) code")) {
    if (code.childElementCount > 0 || code.closest("pre")) continue;
    const words = code.textContent.split(/(\s+)/).filter(Boolean);
    code.replaceChildren(...words.map((word) => (word.trim() ? element("word", ...joined(word)) : word)));
  }
})();
