import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { request } from './client';
import type { Page, TicketCounts, TicketDetail, TicketRow, TicketStep, TicketType } from './model';

/** What the list of tickets can be asked for; empty fields do not filter. */
export interface TicketFilter {
  q?: string;
  state?: string;
  type?: string;
  priority?: string;
  queue?: string;
  assignee?: string;
  late?: boolean;
  complaint?: boolean;
}

export const ticketStates = ['new', 'open', 'pending_customer', 'pending_third', 'on_hold', 'resolved', 'closed'] as const;
export const priorities = ['urgent', 'high', 'normal', 'low'] as const;

/** tickets are the latest changed first, 40 at a time. */
export function tickets(filter: TicketFilter) {
  return infiniteQueryOptions({
    queryKey: ['tickets', 'list', filter],
    queryFn: ({ pageParam, signal }) => request<Page<TicketRow>>('/tickets', { signal, query: { ...filter, complaint: filter.complaint ? 'true' : undefined, cursor: pageParam, limit: 40 } }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next ?? undefined,
  });
}

export const ticketCounts = queryOptions({ queryKey: ['tickets', 'counts'], queryFn: ({ signal }) => request<TicketCounts>('/tickets/counts', { signal }) });

export const ticket = (id: string) => queryOptions({ queryKey: ['tickets', 'one', id], queryFn: ({ signal }) => request<TicketDetail>(`/tickets/${id}`, { signal }) });

export const ticketTrail = (id: string) =>
  queryOptions({ queryKey: ['tickets', 'one', id, 'trail'], queryFn: ({ signal }) => request<Page<TicketStep>>(`/tickets/${id}/trail`, { signal }).then((page) => page.items ?? []) });

export const ticketTypes = queryOptions({
  queryKey: ['ticket-types'],
  queryFn: ({ signal }) => request<Page<TicketType>>('/ticket-types', { signal }).then((page) => page.items ?? []),
  staleTime: 60_000,
});
