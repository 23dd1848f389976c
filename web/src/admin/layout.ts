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
const gap = { x: 36, y: 64 };

/**
 * lay puts each node below those that lead to it first (its layer), in the order of
 * the document, nearer to its parents: the mean of their places decides within a layer.
 * Ways back go around at the right.
 */
export function lay(picture: Picture): Layout {
  const layers: string[][] = [];
  const layerOf = new Map<string, number>();
  for (const node of picture.boxes) {
    const at = Math.max(0, node.layer);
    (layers[at] ??= []).push(node.id);
    layerOf.set(node.id, at);
  }
  const rows = layers.filter((row) => row.length > 0);
  const slot = new Map<string, number>();
  rows.forEach((row) => {
    const weight = new Map(
      row.map((id, i) => {
        const parents = picture.edges.filter((edge) => edge.to === id && slot.has(edge.from)).map((edge) => slot.get(edge.from) ?? 0);
        return [id, parents.length > 0 ? parents.reduce((sum, n) => sum + n, 0) / parents.length + i * 0.001 : i];
      }),
    );
    row.sort((a, b) => (weight.get(a) ?? 0) - (weight.get(b) ?? 0));
    row.forEach((id, i) => slot.set(id, i - (row.length - 1) / 2));
  });
  const widest = Math.max(1, ...rows.map((row) => row.length));
  const width = widest * (box.width + gap.x) + gap.x;
  const boxes = new Map<string, Placed>();
  rows.forEach((row, y) => {
    for (const id of row) boxes.set(id, { id, x: width / 2 + (slot.get(id) ?? 0) * (box.width + gap.x) - box.width / 2, y: gap.y / 2 + y * (box.height + gap.y) });
  });
  let detour = 0;
  const ways = picture.edges.flatMap((edge): Way[] => {
    const from = boxes.get(edge.from);
    const to = boxes.get(edge.to);
    if (!from || !to) return [];
    if (to.y > from.y) {
      const x1 = from.x + box.width / 2;
      const y1 = from.y + box.height;
      const x2 = to.x + box.width / 2;
      const bend = Math.min(60, (to.y - y1) / 2);
      return [{ ...edge, path: `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${to.y - bend} ${x2} ${to.y - 7}`, at: { x: (x1 + x2) / 2, y: (y1 + to.y) / 2 } }];
    }
    // Up or beside: out at the right, along the margin, in from the right.
    const out = width + 14 * ++detour;
    const y1 = from.y + box.height / 2;
    const y2 = to.y + box.height / 2;
    return [{ ...edge, path: `M${from.x + box.width} ${y1}C${out} ${y1} ${out} ${y2} ${to.x + box.width + 7} ${y2}`, at: { x: from.x + box.width + 22, y: y1 - 8 } }];
  });
  return { boxes, ways, width: width + 14 * detour, height: rows.length * (box.height + gap.y) + gap.y / 2 };
}
