import { describe, expect, it } from 'vitest';
import { box, lay } from './layout';

const node = (id: string, layer: number) => ({ id, layer, kind: 'say', line: 1 });

describe('the picture of a flow', () => {
  const picture = {
    start: 'a',
    boxes: [node('a', 0), node('b', 1), node('c', 1), node('d', 2), node('lost', -1)],
    edges: [
      { from: 'a', to: 'b', label: '1' },
      { from: 'a', to: 'c', label: '2' },
      { from: 'b', to: 'd' },
      { from: 'c', to: 'a', label: 'else' },
      { from: 'c', to: 'nowhere' },
    ],
  };
  const layout = lay(picture);

  it('places every node once, none over another', () => {
    const all = [...layout.boxes.values()];
    expect(all).toHaveLength(5);
    for (const a of all) for (const b of all) if (a !== b) expect(Math.abs(a.x - b.x) >= box.width || Math.abs(a.y - b.y) >= box.height, `${a.id} ${b.id}`).toBe(true);
    for (const a of all) expect(a.x >= 0 && a.x + box.width <= layout.width && a.y + box.height <= layout.height, a.id).toBe(true);
  });

  it('leads down to what comes later, and around to what came before', () => {
    expect(layout.boxes.get('d')?.y).toBeGreaterThan(layout.boxes.get('b')?.y ?? Infinity);
    expect(layout.ways.map((way) => `${way.from}${way.to}`)).toEqual(['ab', 'ac', 'bd', 'ca']);
  });

  it('can draw one node', () => expect(lay({ start: 'x', boxes: [node('x', 0)], edges: [] }).boxes.size).toBe(1));
});
