import { describe, expect, it } from 'vitest';
import { box, lay, upward } from './layout';

const node = (id: string) => ({ id, layer: 0, kind: 'say', line: 1 });

describe('the picture of a flow', () => {
  const picture = {
    start: 'a',
    boxes: ['a', 'b', 'c', 'd', 'e', 'lost'].map(node),
    edges: [
      { from: 'a', to: 'b', label: '1' },
      { from: 'a', to: 'c', label: '2' },
      { from: 'b', to: 'd' },
      { from: 'd', to: 'e' },
      { from: 'a', to: 'e', label: '0' },
      { from: 'c', to: 'a', label: 'else' },
      { from: 'e', to: 'e' },
      { from: 'c', to: 'nowhere' },
    ],
  };
  const layout = lay(picture);

  it('places every node once, none over another, all within', () => {
    const all = [...layout.boxes.values()];
    expect(all).toHaveLength(6);
    for (const a of all) for (const b of all) if (a !== b) expect(Math.abs(a.x - b.x) >= box.width || Math.abs(a.y - b.y) >= box.height, `${a.id} ${b.id}`).toBe(true);
    for (const a of all) expect(a.x >= 0 && a.x + box.width <= layout.width && a.y + box.height <= layout.height, a.id).toBe(true);
  });

  it('puts a node below all that lead to it', () => {
    const y = (id: string) => layout.boxes.get(id)?.y ?? 0;
    expect(y('e')).toBeGreaterThan(y('d'));
    expect(y('d')).toBeGreaterThan(y('b'));
  });

  it('draws ways back upwards and forgets ways to nowhere', () => {
    expect(layout.ways.map((way) => `${way.from}${way.to}${upward(layout, way) ? ' up' : ''}`)).toEqual(['ab', 'ac', 'bd', 'de', 'ae', 'ca up']);
  });

  it('can draw one node, and a circle without an end', () => {
    expect(lay({ start: 'x', boxes: [node('x')], edges: [] }).boxes.size).toBe(1);
    const circle = lay({ start: 'x', boxes: [node('x'), node('y')], edges: [{ from: 'x', to: 'y' }, { from: 'y', to: 'x' }] });
    expect(circle.boxes.get('y')?.y).toBeGreaterThan(circle.boxes.get('x')?.y ?? Infinity);
  });
});
