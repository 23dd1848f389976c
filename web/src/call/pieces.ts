import type { Utterance } from '../api/model';

/** A piece of shown text; with times when it stands for spoken words. */
export interface Piece {
  text: string;
  /** Call time in ms, absent for spaces and punctuation between words. */
  start?: number;
  end?: number;
  /** The lowest confidence of its words, 0..1. */
  conf?: number;
}

function wordPiece(u: Utterance, text: string, from: number, to: number): Piece {
  const words = u.words.slice(from, to);
  const first = words[0];
  const last = words.at(-1);
  if (!first || !last) return { text };
  return { text, start: first.start_ms, end: last.end_ms, conf: Math.min(...words.map((w) => w.conf)) };
}

/** pieces cuts the formatted text along its spans, so that "$20" lights up over "twenty dollars". */
export function pieces(u: Utterance): Piece[] {
  const characters = Array.from(u.text);
  const found: Piece[] = [];
  let at = 0;
  for (const span of [...u.spans].sort((a, b) => a.text_start - b.text_start)) {
    const start = Math.max(span.text_start, at);
    const end = Math.min(span.text_end, characters.length);
    if (end <= start) continue;
    if (start > at) found.push({ text: characters.slice(at, start).join('') });
    found.push(wordPiece(u, characters.slice(start, end).join(''), span.from, span.to));
    at = end;
  }
  if (at < characters.length) found.push({ text: characters.slice(at).join('') });
  return found;
}

/** rawPieces is the recogniser's own words, one piece each. */
export function rawPieces(u: Utterance): Piece[] {
  if (u.words.length === 0) return u.raw ? [{ text: u.raw }] : [];
  return u.words.flatMap((w, i) => {
    const piece: Piece = { text: w.text, start: w.start_ms, end: w.end_ms, conf: w.conf };
    return i === 0 ? [piece] : [{ text: ' ' }, piece];
  });
}

/** marked cuts a search hit's snippet into plain and marked text. The server escaped it and put in <mark>. */
export function marked(snippet: string): { text: string; hit: boolean }[] {
  const parts: { text: string; hit: boolean }[] = [];
  let hit = false;
  for (const part of snippet.split(/(<\/?mark>)/)) {
    if (part === '<mark>') hit = true;
    else if (part === '</mark>') hit = false;
    else if (part) parts.push({ text: unescape(part), hit });
  }
  return parts;
}

const entities: Record<string, string> = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#34;': '"', '&#39;': "'", '&amp;': '&' };

function unescape(text: string): string {
  return text.replace(/&(?:lt|gt|quot|#34|#39|amp);/g, (entity) => entities[entity] ?? entity);
}

/**
 * latest finds the last start that is not after `at` in ascending starts; -1 when
 * there is none.
 */
export function latest(starts: readonly number[], at: number): number {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? Infinity) <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
