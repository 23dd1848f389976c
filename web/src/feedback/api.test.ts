import { describe, expect, it } from 'vitest';
import { walk, type Cause } from './api';

const cause = (code: string, parent?: string): Cause => ({ code, parent, area: 'other', label_zh: code, label_en: code, ord: 0, cases: 0 });

describe('the tree of causes', () => {
  it('has what lies below a cause right behind it', () => {
    expect(walk([cause('a'), cause('b'), cause('b1', 'b'), cause('a1', 'a'), cause('a11', 'a1')]).map(({ cause: { code }, depth }) => `${depth}${code}`)).toEqual(['0a', '1a1', '2a11', '0b', '1b1']);
  });

  it('leaves out what hangs nowhere', () => expect(walk([cause('x', 'gone')])).toEqual([]));
});
