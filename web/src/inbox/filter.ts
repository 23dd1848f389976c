import { boxes, type Box, type Filter } from './data';

/** What the inbox can be asked for; empty fields do not filter. */
export interface InboxFilter {
  box?: Box;
  /** A saved filter, instead of all others. */
  view?: number;
  channel?: string;
  label?: string;
  /** At least so urgent, 0 to 3. */
  urgency?: number;
  /** A user's id, me or none. */
  who?: string;
  queue?: string;
  /** A customer waits. */
  waiting?: boolean;
}

const leaf = (field: string, op: string, value: unknown): Filter => ({ field, op, value });

const ofBox: Record<Box, Filter[]> = {
  mine: [leaf('assignee', 'is', 'me'), leaf('state', 'is', 'open')],
  unassigned: [leaf('assignee', 'is', 'none'), leaf('state', 'is', 'open'), leaf('handler', 'is', 'queue')],
  mentions: [leaf('mentions', 'is', true)],
  open: [leaf('state', 'is', 'open')],
  snoozed: [leaf('state', 'is', 'snoozed')],
  closed: [leaf('state', 'is', 'closed')],
};

/** treeOf is the server's filter for what was chosen. */
export function treeOf({ box = 'open', channel, label, urgency, who, queue, waiting }: InboxFilter): Filter {
  const all = [...ofBox[box]];
  if (channel) all.push(leaf('channel', 'is', channel));
  if (label) all.push(leaf('label', 'has', label));
  if (urgency !== undefined) all.push(leaf('urgency', 'least', urgency));
  if (who) all.push(leaf('assignee', 'is', who === 'me' || who === 'none' ? who : Number(who)));
  if (queue) all.push(leaf('queue', 'is', queue));
  if (waiting) all.push(leaf('waiting', 'is', true));
  return { all };
}

const word = (value: unknown): string | undefined => (typeof value === 'string' || typeof value === 'number' ? String(value).slice(0, 64) || undefined : undefined);
const whole = (value: unknown, most: number): number | undefined => (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most ? value : undefined);

/** filterOf reads a filter out of an address. */
export function filterOf(search: Record<string, unknown>): InboxFilter {
  const view = whole(search.view, Number.MAX_SAFE_INTEGER);
  return {
    box: boxes.find((box) => box === search.box),
    view: view === 0 ? undefined : view,
    channel: word(search.channel),
    label: word(search.label),
    urgency: whole(search.urgency, 3),
    who: word(search.who),
    queue: word(search.queue),
    waiting: search.waiting === true || undefined,
  };
}

/** narrowed says whether more than the box was chosen. */
export const narrowed = ({ channel, label, urgency, who, queue, waiting }: InboxFilter): boolean => !!(channel ?? label ?? urgency?.toString() ?? who ?? queue ?? (waiting ? 'yes' : undefined));
