import type { Picture } from './kinds';

export interface Placed {
  id: string;
  x: number;
  y: number;
}

export interface Way {
  from: string;
  to: string;
  label?: string;
  path: string;
  /** Where the label stands. */
  at: { x: number; y: number };
}

export interface Layout {
  boxes: Map<string, Placed>;
  ways: Way[];
  width: number;
  height: number;
}

export const box = { width: 190, height: 64 };
const bend = 26; // width of the lane of a way that passes a layer
const gap = { x: 30, y: 54 };

interface Spot {
  id: string;
  layer: number;
  wide: number;
  place: number; // order within the layer
  x: number; // middle
  up: Spot[];
  down: Spot[];
}

/** backward finds the ways that lead back to a node on the way from the start: they would make a circle. */
function backward(picture: Picture): Set<number> {
  const out = new Map<string, number[]>();
  picture.edges.forEach((edge, i) => out.set(edge.from, [...(out.get(edge.from) ?? []), i]));
  const back = new Set<number>();
  const state = new Map<string, 'open' | 'done'>();
  const visit = (id: string) => {
    state.set(id, 'open');
    for (const i of out.get(id) ?? []) {
      const to = picture.edges[i]?.to ?? '';
      if (state.get(to) === 'open') back.add(i);
      else if (!state.has(to)) visit(to);
    }
    state.set(id, 'done');
  };
  for (const id of [picture.start, ...picture.boxes.map((node) => node.id)]) if (!state.has(id)) visit(id);
  return back;
}

/** layersOf puts each node below all that lead to it: the longest way counts. */
function layersOf(ids: readonly string[], pairs: readonly { from: string; to: string }[]): Map<string, number> {
  const layer = new Map(ids.map((id) => [id, 0]));
  for (let round = 0, moved = true; moved && round <= ids.length; round++) {
    moved = false;
    for (const { from, to } of pairs) {
      const wanted = (layer.get(from) ?? 0) + 1;
      if (wanted > (layer.get(to) ?? 0)) {
        layer.set(to, wanted);
        moved = true;
      }
    }
  }
  return layer;
}

const middle = (spots: readonly Spot[], of: (spot: Spot) => number): number | undefined => (spots.length > 0 ? spots.reduce((sum, spot) => sum + of(spot), 0) / spots.length : undefined);

/** order sorts the layers so that ways cross little: each by the mean place of its neighbours, down and up again. */
function order(rows: Spot[][]): void {
  const sort = (row: Spot[], side: 'up' | 'down') => {
    const weight = new Map(row.map((spot) => [spot, middle(spot[side], (other) => other.place) ?? spot.place]));
    row.sort((a, b) => (weight.get(a) ?? 0) - (weight.get(b) ?? 0));
    row.forEach((spot, i) => (spot.place = i));
  };
  for (let round = 0; round < 4; round++) {
    for (const row of rows) sort(row, 'up');
    if (round < 3) for (const row of [...rows].reverse()) sort(row, 'down');
  }
}

/** spread gives each spot a place near its neighbours, none over another. */
function spread(rows: Spot[][]): number {
  const width = (row: Spot[]) => row.reduce((sum, spot) => sum + spot.wide + gap.x, 0);
  const whole = Math.max(...rows.map(width));
  for (const row of rows) {
    let x = (whole - width(row)) / 2 + gap.x / 2;
    for (const spot of row) {
      spot.x = x + spot.wide / 2;
      x += spot.wide + gap.x;
    }
  }
  for (let round = 0; round < 6; round++) {
    for (const row of round % 2 === 0 ? rows : [...rows].reverse()) {
      const wish = row.map((spot) => middle(round % 2 === 0 ? spot.up : spot.down, (other) => other.x) ?? spot.x);
      row.forEach((spot, i) => (spot.x = wish[i] ?? spot.x));
      const apart = (a: Spot, b: Spot) => (a.wide + b.wide) / 2 + gap.x;
      for (let i = 1; i < row.length; i++) {
        const [a, b] = [row[i - 1], row[i]];
        if (a && b) b.x = Math.max(b.x, a.x + apart(a, b));
      }
      for (let i = row.length - 2; i >= 0; i--) {
        const [a, b] = [row[i], row[i + 1]];
        const over = (row.at(-1)?.x ?? 0) - (wish.at(-1) ?? 0);
        if (a && b && over > 0) a.x = Math.min(a.x, b.x - apart(a, b));
      }
    }
  }
  const left = Math.min(...rows.flat().map((spot) => spot.x - spot.wide / 2)) - gap.x / 2;
  for (const spot of rows.flat()) spot.x -= left;
  return Math.max(...rows.flat().map((spot) => spot.x + spot.wide / 2)) + gap.x / 2;
}

const top = (layer: number) => gap.y / 2 + layer * (box.height + gap.y);

/** curve draws a way through its spots; what it passes it passes straight. */
function curve(spots: readonly Spot[], reversed: boolean): { path: string; at: { x: number; y: number } } {
  let path = '';
  let at = { x: 0, y: 0 };
  for (let i = 0; i + 1 < spots.length; i++) {
    const [a, b] = [spots[i], spots[i + 1]];
    if (!a || !b) continue;
    const last = i + 2 === spots.length;
    const y1 = top(a.layer) + box.height + (reversed && i === 0 ? 7 : 0);
    const y2 = top(b.layer) - (!reversed && last ? 7 : 0);
    const half = (y2 - y1) / 2;
    if (i === 0) path = `M${a.x} ${y1}`;
    path += `C${a.x} ${y1 + half} ${b.x} ${y2 - half} ${b.x} ${y2}`;
    if (!last) path += `V${y2 + box.height}`;
    if (reversed ? last : i === 0) at = { x: (a.x + 3 * b.x) / 4, y: y1 + half + 12 };
    if (reversed && last) at = { x: (3 * a.x + b.x) / 4, y: y1 + half };
  }
  return { path, at };
}

/**
 * lay puts each node below all that lead to it and draws the ways downwards; a way
 * past other nodes has a lane of its own between them, a way back runs upwards.
 */
export function lay(picture: Picture): Layout {
  const ids = picture.boxes.map((node) => node.id);
  const known = new Set(ids);
  const back = backward(picture);
  const edges = picture.edges.map((edge, i) => ({ edge, reversed: back.has(i) })).filter(({ edge }) => known.has(edge.from) && known.has(edge.to));
  const between = edges.filter(({ edge }) => edge.from !== edge.to);
  const layer = layersOf(ids, between.map(({ edge, reversed }) => (reversed ? { from: edge.to, to: edge.from } : edge)));
  const rows: Spot[][] = [];
  const add = (id: string, at: number, wide: number): Spot => {
    const row = (rows[at] ??= []);
    const spot: Spot = { id, layer: at, wide, place: row.length, x: 0, up: [], down: [] };
    row.push(spot);
    return spot;
  };
  const spots = new Map(ids.map((id) => [id, add(id, layer.get(id) ?? 0, box.width)]));
  const lines = between.flatMap(({ edge, reversed }) => {
    const first = spots.get(reversed ? edge.to : edge.from);
    const last = spots.get(reversed ? edge.from : edge.to);
    if (!first || !last) return [];
    const line = [first];
    for (let at = first.layer + 1; at < last.layer; at++) line.push(add('', at, bend));
    line.push(last);
    line.forEach((spot, i) => {
      const next = line[i + 1];
      if (!next) return;
      spot.down.push(next);
      next.up.push(spot);
    });
    return [{ edge, reversed, line }];
  });
  order(rows);
  const width = spread(rows);
  const boxes = new Map([...spots].map(([id, spot]) => [id, { id, x: spot.x - box.width / 2, y: top(spot.layer) }]));
  const ways = lines.map(({ edge, reversed, line }): Way => {
    const drawn = curve(line, reversed);
    return { ...edge, ...drawn };
  });
  return { boxes, ways, width, height: rows.length * (box.height + gap.y) };
}

/** upward says whether a way runs against its path: its arrow stands at the beginning. */
export const upward = (layout: Layout, way: Way): boolean => (layout.boxes.get(way.to)?.y ?? 0) < (layout.boxes.get(way.from)?.y ?? 0);
