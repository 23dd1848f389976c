import type { Role } from '../api/model';

export type Right = 'system' | 'moods' | 'queues' | 'hangup' | 'recordings' | 'articles' | 'users' | 'reveal';

const supervisor: readonly Right[] = ['system', 'moods', 'queues', 'hangup', 'recordings', 'articles', 'reveal'];

const rights: Partial<Record<Role, readonly Right[]>> = {
  senior: ['recordings', 'reveal'],
  editor: ['articles'],
  quality: ['moods', 'recordings'],
  analyst: ['moods'],
  supervisor,
  admin: [...supervisor, 'users'],
};

/** roles are all of them, in the order in which they are offered. */
export const roles = ['agent', 'senior', 'editor', 'supervisor', 'quality', 'analyst', 'auditor', 'admin'] as const satisfies readonly Role[];

/** may says what to show. The server decides what is allowed. */
export function may(role: Role | undefined, right: Right): boolean {
  return role !== undefined && !!rights[role]?.includes(right);
}

/** leads tells whether somebody leads others. */
export const leads = (role: Role | undefined): boolean => role === 'supervisor' || role === 'admin';

const readers: readonly (Role | undefined)[] = ['quality', 'analyst', 'auditor'];

/** works tells whether somebody takes calls and messages; the others read only. */
export const works = (role: Role | undefined): boolean => !readers.includes(role);

/** hears tells whether somebody may follow the live feed: what is masked is not live. */
export const hears = (role: Role | undefined): boolean => role !== 'analyst' && role !== 'auditor';

/** homeOf is the page that somebody begins with: agents with their work, who leads or listens with what goes on. */
export function homeOf(role: Role | undefined): '/desk' | '/live' | '/calls' | '/admin' {
  if (role === 'agent' || role === 'senior') return '/desk';
  if (role === 'auditor') return '/admin';
  return role === 'analyst' ? '/calls' : '/live';
}
