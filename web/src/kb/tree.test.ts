import { describe, expect, it } from 'vitest';
import { namesOf, treeOf, type Category } from './queries';

const one = (path: string, total: number, more: Partial<Category> = {}): Category => ({ path, lang: 'en', name: '', ord: 0, total, live: total, public: total, overdue: 0, ...more });

describe('the tree of categories', () => {
  it('adds up what is under a category', () => {
    const root = treeOf([one('', 1), one('orders', 2, { name: 'Orders', overdue: 1 }), one('orders/back/late', 3), one('bills', 4)]);
    expect(root.total).toBe(10);
    expect(root.overdue).toBe(1);
    const orders = root.children.find((branch) => branch.path === 'orders');
    expect(orders).toMatchObject({ name: 'Orders', total: 5 });
    expect(orders?.children[0]).toMatchObject({ path: 'orders/back', name: 'back', total: 3 });
  });

  it('names a path by the names of its levels', () => {
    const names = namesOf(treeOf([one('orders', 1, { name: '订单' }), one('orders/late', 1, { name: '晚到' }), one('bills', 1)]));
    expect([names.get('orders/late'), names.get('bills'), names.get('gone')]).toEqual(['订单 / 晚到', 'bills', undefined]);
  });

  it('stands in the order that an editor gave', () => {
    const root = treeOf([one('a', 1, { ord: 2 }), one('b', 1, { ord: 1 })]);
    expect(root.children.map((branch) => branch.path)).toEqual(['b', 'a']);
  });
});
