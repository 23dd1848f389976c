import { useQuery } from '@tanstack/react-query';
import { useCallback } from 'react';
import { board } from './queries';
import type { QueueBoards } from './model';

/** namesOf are the names of the queues by their ids. */
const namesOf = (all: QueueBoards): Record<string, string> => Object.fromEntries(all.items.map((queue) => [queue.id, queue.name || queue.id]));

/** useQueueName gives what people call a queue: its name, its id while that is not known. */
export function useQueueName(): (id: string) => string {
  const names = useQuery({ ...board, select: namesOf }).data;
  return useCallback((id) => names?.[id] ?? id, [names]);
}
