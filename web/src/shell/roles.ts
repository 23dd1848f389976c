import type { Role } from '../api/model';

export type Right = 'system' | 'moods' | 'queues' | 'hangup' | 'recordings' | 'articles' | 'users';

const rights: Record<Role, readonly Right[]> = {
  agent: [],
  editor: ['articles'],
  supervisor: ['system', 'moods', 'queues', 'hangup', 'recordings', 'articles'],
  admin: ['system', 'moods', 'queues', 'hangup', 'recordings', 'articles', 'users'],
};

/** may says what to show. The server decides what is allowed. */
export function may(role: Role | undefined, right: Right): boolean {
  return role !== undefined && rights[role].includes(right);
}
