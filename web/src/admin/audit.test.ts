import { describe, expect, it } from 'vitest';
import { actName, fields, subjectName, type Words } from './audit';

const known: Record<string, string> = { 'audit.act.user.created': '创建用户', 'audit.subject.user': '用户', 'audit.field.role': '角色', 'audit.yes': '是', 'audit.no': '否', 'role.agent': '坐席', 'audit.field.changed': '已修改' };
const words: Words = (key) => known[key] ?? '';

describe('a row of the audit log', () => {
  it('names its act, and shows one of a former version as it is', () => {
    expect(actName(words, 'user.created')).toBe('创建用户');
    expect(actName(words, 'user.vanished')).toBe('user.vanished');
  });
  it('names the kind of its subject', () => {
    expect(subjectName(words, 'user:7')).toEqual({ kind: '用户', rest: '7' });
    expect(subjectName(words, 'thing:a:b')).toEqual({ kind: 'thing', rest: 'a:b' });
    expect(subjectName(words, '')).toEqual({ kind: '', rest: '' });
  });
  it('writes details as fields', () => {
    const found = fields(words, { role: 'agent', disabled: false, start_ms: 5, hidden: ['phone', 'name'], changed: { role: 'agent', on: true }, none: null });
    expect(found.map((f) => `${f.name} ${f.text}`)).toEqual(['角色 坐席', 'disabled 否', 'start ms 5', 'hidden phone, name', '已修改 角色 坐席, on 是', 'none –']);
    expect(found.every((f) => f.folded === '')).toBe(true);
  });
  it('folds what is long', () => {
    const [one] = fields(words, { values: Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`k${i}`, i])) });
    expect(one?.text.length).toBeLessThan(130);
    expect(one?.folded).toContain('"k39": 39');
  });
});
