/** termsOf is what of a search of the archive can be found in a text: words and phrases, not what was excluded. */
export function termsOf(query: string): string[] {
  const terms: string[] = [];
  for (const [, not, phrase, word] of query.matchAll(/(-)?["“”]([^"“”]*)["“”]?|(\S+)/g)) {
    const term = (phrase ?? word ?? '').trim().toLowerCase();
    if (term && !not && !term.startsWith('-')) terms.push(term);
  }
  return terms;
}

interface Hit {
  start: number;
  end: number;
}

/** hitsIn finds the terms in a text, in order, without overlaps. */
export function hitsIn(text: string, terms: readonly string[]): Hit[] {
  const lower = text.toLowerCase();
  const all: Hit[] = [];
  for (const term of terms) {
    for (let at = lower.indexOf(term); at >= 0; at = lower.indexOf(term, at + term.length)) all.push({ start: at, end: at + term.length });
  }
  all.sort((a, b) => a.start - b.start || b.end - a.end);
  return all.filter((hit, i) => i === 0 || hit.start >= (all[i - 1]?.end ?? 0));
}

/** rangesIn gives the hits inside the elements as ranges of the document, over the borders of words. */
export function rangesIn(elements: Iterable<HTMLElement>, terms: readonly string[]): Range[] {
  const ranges: Range[] = [];
  if (terms.length === 0) return ranges;
  for (const element of elements) {
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    const nodes: { node: Node; start: number }[] = [];
    let text = '';
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      nodes.push({ node, start: text.length });
      text += node.nodeValue ?? '';
    }
    const place = (offset: number, end: boolean) => nodes.findLast(({ start }) => (end ? start < offset : start <= offset));
    for (const hit of hitsIn(text, terms)) {
      const from = place(hit.start, false);
      const to = place(hit.end, true);
      if (!from || !to) continue;
      const range = document.createRange();
      range.setStart(from.node, hit.start - from.start);
      range.setEnd(to.node, hit.end - to.start);
      ranges.push(range);
    }
  }
  return ranges;
}
