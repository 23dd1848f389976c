import { beforeEach, describe, expect, it } from 'vitest';
import { draftOf, forgetDrafts, keepDraft, mostDrafts } from './draft';

beforeEach(() => localStorage.clear());

describe('a draft', () => {
  it('is its author\'s alone, and stays until it is forgotten', () => {
    keepDraft('7', 'ticket.3', { kind: 'note', text: 'half' });
    expect(draftOf('7', 'ticket.3')).toEqual({ kind: 'note', text: 'half' });
    expect(draftOf('70', 'ticket.3')).toBeUndefined();
    expect(draftOf('7', 'ticket.30')).toBeUndefined();
    keepDraft('7', 'ticket.3', undefined);
    expect(draftOf('7', 'ticket.3')).toBeUndefined();
    expect(localStorage.length).toBe(0);
  });

  it('makes room for itself: the oldest goes', () => {
    for (let i = 0; i < mostDrafts + 3; i++) keepDraft('7', `ticket.${i}`, 'x', localStorage, i);
    expect(localStorage.length).toBe(mostDrafts);
    expect(draftOf('7', 'ticket.2')).toBeUndefined();
    expect(draftOf('7', 'ticket.3')).toBe('x');
    // One that is there already pushes nobody out.
    keepDraft('7', 'ticket.3', 'y', localStorage, 99);
    expect([localStorage.length, draftOf('7', 'ticket.4')]).toEqual([mostDrafts, 'x']);
  });

  it('goes with a logout, those of others do not', () => {
    keepDraft('7', 'chat.1', 'mine');
    keepDraft('70', 'chat.1', 'hers');
    forgetDrafts('7');
    expect([draftOf('7', 'chat.1'), draftOf('70', 'chat.1')]).toEqual([undefined, 'hers']);
  });

  it('is none when the store holds something else', () => {
    localStorage.setItem('tingxin.draft.7.chat.1', '{half');
    expect(draftOf('7', 'chat.1')).toBeUndefined();
  });
});
