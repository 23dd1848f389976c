import { useCallback, useRef, useState } from 'react';
import { earlier, merge, newest, pageSize, type Conversation, type Message } from './data';

/** useThread keeps a thread up to date: the feed only says that there is news, the rows say what. */
export function useThread(id: number) {
  const [messages, setMessages] = useState<Message[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [top, setTop] = useState(false);
  const held = useRef<Message[]>([]);
  const busy = useRef(false);
  const again = useRef(false);
  const sync = useCallback(async () => {
    if (busy.current) {
      again.current = true;
      return;
    }
    busy.current = true;
    try {
      for (let asked = true; asked; asked = again.current) {
        again.current = false;
        const begun = held.current.length === 0;
        const all = await newest(id, held.current);
        held.current = all;
        setMessages(all);
        setError(null);
        if (begun) setTop(all.length < pageSize);
      }
    } catch (failed) {
      setError(failed);
    } finally {
      busy.current = false;
    }
  }, [id]);
  const more = useCallback(async () => {
    const first = held.current[0]?.id;
    if (first === undefined) return;
    try {
      const before = await earlier(id, first);
      held.current = merge(before, held.current);
      setMessages(held.current);
      setTop(before.length < pageSize);
    } catch (failed) {
      setError(failed);
    }
  }, [id]);
  return { messages, error, top, sync, more };
}

/** sameDay is whether two moments are of one day of this browser's clock. */
const sameDay = (one: string, other: string | number): boolean => new Date(one).toDateString() === new Date(other).toDateString();

/** beginsDay is whether a day stands above a message: the first of another day than the one before it, the first of all when it is not of today. */
export const beginsDay = (m: Pick<Message, 'at'>, before: Pick<Message, 'at'> | undefined, now = Date.now()): boolean => !sameDay(m.at, before?.at ?? now);

/**
 * foldable is how many messages at the beginning were the bot's part, 0 when it is too
 * short to be folded or not over. The customer's last message stays in sight, and so
 * does all from the first words of an agent on.
 */
export function foldable(messages: readonly Message[], handler: Conversation['handler']): number {
  if (handler === 'bot') return 0;
  const agent = messages.findIndex((m) => m.author.kind === 'agent');
  const begin = agent < 0 ? messages : messages.slice(0, agent);
  const bot = begin.findLastIndex((m) => m.author.kind === 'bot') + 1;
  const customer = begin.findLastIndex((m) => m.direction === 'in');
  const length = Math.min(bot, customer < 0 ? bot : customer);
  return length >= 4 ? length : 0;
}
