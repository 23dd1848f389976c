/** wayOf is from whom to whom a call goes, without what stands above it already. */
export function wayOf(call: { from: string; to: string }, title: string): string {
  return [call.from === title ? '' : call.from, '→', call.to === title ? '' : call.to].filter(Boolean).join(' ');
}
