import { describe, expect, it } from 'vitest';
import { wayOf } from './way';

describe('wayOf', () => {
  const call = { from: '13800138000', to: '4008' };
  it('says a number once, not in the title and beneath it again', () => {
    expect(wayOf(call, '13800138000')).toBe('→ 4008');
    expect(wayOf({ from: 'anna', to: '13800138000' }, '13800138000')).toBe('anna →');
  });
  it('says both beneath a name', () => expect(wayOf(call, 'Mei')).toBe('13800138000 → 4008'));
});
