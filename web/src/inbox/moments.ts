/** moments are when things are mostly put off to, of local time. */
export function moments(now: Date): { key: 'hour' | 'evening' | 'tomorrow' | 'week'; at: Date }[] {
  const day = (days: number, hour: number) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, hour);
  const evening = day(0, 18);
  return [
    { key: 'hour', at: new Date(now.getTime() + 3_600_000) },
    ...(evening.getTime() - now.getTime() > 3_600_000 ? [{ key: 'evening' as const, at: evening }] : []),
    { key: 'tomorrow', at: day(1, 9) },
    // The next Monday; on a Monday the one after, on a Sunday it is tomorrow.
    ...(now.getDay() === 0 ? [] : [{ key: 'week' as const, at: day(8 - now.getDay(), 9) }]),
  ];
}

/** mentionAt is the beginning of a name behind an @ before the caret. */
export function mentionAt(text: string, caret: number): { from: number; typed: string } | null {
  const found = /(^|[\s(，。、])@([\p{L}\p{N}._-]{0,40})$/u.exec(text.slice(0, caret));
  return found ? { from: caret - (found[2] ?? '').length - 1, typed: (found[2] ?? '').toLowerCase() } : null;
}

/** mentioned are those whose whole name stands behind an @; a full stop that ends the sentence is none of it. */
export function mentioned<P extends { username: string }>(text: string, people: readonly P[]): P[] {
  const names = new Set([...text.matchAll(/(?:^|[\s(，。、])@([\p{L}\p{N}._@-]+)/gu)].flatMap(([, name = '']) => [name, name.replace(/[._@-]+$/, '')]));
  return people.filter((p) => names.has(p.username));
}
