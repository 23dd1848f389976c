import type { Role } from '../api/model';
import type { IconName } from '../parts/Icon';

interface Entry {
  /** A route of router.tsx. */
  path: string;
  /** Its words are `nav.KEY`. */
  key: string;
  icon: IconName;
  /** Who sees it; everybody without. The server decides what is allowed. */
  roles?: readonly Role[];
  /** The key after g, as KeyboardEvent.code. */
  jump?: string;
  /** Entries of a group stand together, a line between groups. */
  group: 'work' | 'knowledge' | 'watch' | 'setup';
}

const leads = ['supervisor', 'admin'] as const;
/** Who reads what was said: everybody but auditors. */
const readers = ['agent', 'senior', 'editor', 'supervisor', 'quality', 'analyst', 'admin'] as const;
/** Who takes calls and messages. */
const workers = ['agent', 'senior', 'editor', 'supervisor', 'admin'] as const;
const editors = ['editor', ...leads] as const;

/**
 * entries are the places of the navigation, in their order. The first four that
 * somebody may see are the bottom bar of a narrow screen, the others its menu.
 */
export const entries = [
  { path: '/live', key: 'live', icon: 'live', roles: [...workers, 'quality'], jump: 'KeyL', group: 'work' },
  { path: '/desk', key: 'desk', icon: 'headset', roles: workers, jump: 'KeyD', group: 'work' },
  { path: '/inbox', key: 'inbox', icon: 'inbox', roles: readers, jump: 'KeyI', group: 'work' },
  { path: '/calls', key: 'calls', icon: 'calls', roles: readers, jump: 'KeyC', group: 'work' },
  { path: '/tickets', key: 'tickets', icon: 'ticket', roles: readers, jump: 'KeyT', group: 'work' },
  { path: '/feedback', key: 'feedback', icon: 'words', roles: workers, jump: 'KeyF', group: 'work' },
  { path: '/contacts', key: 'contacts', icon: 'contacts', roles: readers, jump: 'KeyP', group: 'work' },
  { path: '/kb', key: 'kb', icon: 'book', roles: readers, jump: 'KeyK', group: 'knowledge' },
  { path: '/bot', key: 'bot', icon: 'bot', roles: editors, jump: 'KeyB', group: 'knowledge' },
  { path: '/queues', key: 'queues', icon: 'queues', roles: leads, jump: 'KeyQ', group: 'watch' },
  { path: '/mood', key: 'mood', icon: 'heart', roles: [...leads, 'quality', 'analyst'], jump: 'KeyM', group: 'watch' },
  { path: '/reports', key: 'reports', icon: 'chart', roles: [...leads, 'quality', 'analyst'], jump: 'KeyR', group: 'watch' },
  { path: '/system', key: 'system', icon: 'system', roles: leads, jump: 'KeyS', group: 'setup' },
  { path: '/admin', key: 'admin', icon: 'shield', roles: ['admin', 'auditor'], jump: 'KeyA', group: 'setup' },
  { path: '/settings', key: 'settings', icon: 'settings', jump: 'KeyE', group: 'setup' },
] as const satisfies readonly Entry[];

export type Place = (typeof entries)[number];
export type Path = Place['path'];

/** placesOf are the entries that a role sees. */
export function placesOf(role: Role): readonly Place[] {
  return entries.filter((entry: Entry) => entry.roles?.includes(role) ?? true);
}

/** letter is how a key's code is written on it. */
export const letter = (code: string): string => code.replace(/^Key|^Digit/, '');
