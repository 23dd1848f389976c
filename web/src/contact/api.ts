import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { request } from '../api/client';
import type { Page } from '../api/model';
import type { components } from '../api/openapi';

type Schemas = components['schemas'];

export type ContactRow = Schemas['ContactRow'];
export type Contact = Schemas['ContactView'];
export type Identity = Schemas['IdentityView'];
export type Kind = Identity['kind'];
export type Suggestion = Schemas['SuggestionView'];
export type Merge = Schemas['MergeView'];
export type Consent = Schemas['ConsentView'];
export type Purpose = Consent['purpose'];
export type Erasure = Schemas['ErasureView'];
export type Field = Schemas['FieldView'];
export type ListExport = Schemas['ListView'];
export type Lists = Schemas['ListList'];
export type ImportReport = Schemas['ImportReport'];
export type Notice = Schemas['NoticeView'];

/** An entry of a timeline; what data holds depends on its kind. */
export type Entry = Omit<Schemas['TimelineEntry'], 'data'> & { data: Record<string, unknown> };

export const kinds: readonly Kind[] = ['phone', 'email', 'login', 'wechat', 'wecom', 'weibo', 'qq', 'device', 'custom'];

/** What the list can be asked for; empty fields do not filter. */
export interface ContactFilter {
  q?: string;
  tag?: string;
  kind?: string;
  vip?: boolean;
  suggested?: boolean;
}

export const contacts = (filter: ContactFilter) =>
  infiniteQueryOptions({
    queryKey: ['contacts', 'list', filter],
    queryFn: ({ pageParam, signal }) =>
      request<Page<ContactRow> & { total?: number }>('/contacts', {
        signal,
        query: { q: filter.q, tag: filter.tag, kind: filter.kind, vip: filter.vip, suggested: filter.suggested, cursor: pageParam, limit: 40 },
      }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next ?? undefined,
  });

export const contact = (id: string) =>
  queryOptions({ queryKey: ['contacts', id], queryFn: ({ signal }) => request<Contact>(`/contacts/${id}`, { signal }) });

export const timeline = (id: string, kind: string) =>
  infiniteQueryOptions({
    queryKey: ['contacts', id, 'timeline', kind],
    queryFn: ({ pageParam, signal }) =>
      request<{ items: Entry[]; next?: string }>(`/contacts/${id}/timeline`, { signal, query: { kinds: kind, cursor: pageParam, limit: 30 } }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next ?? undefined,
  });

export const fields = queryOptions({
  queryKey: ['contacts', 'fields'],
  queryFn: ({ signal }) => request<Page<Field>>('/contact-fields', { signal }).then((page) => page.items ?? []),
  staleTime: 60_000,
});

export const notices = queryOptions({
  queryKey: ['contacts', 'notices'],
  queryFn: ({ signal }) => request<Page<Notice>>('/consent-notices', { signal }).then((page) => page.items ?? []),
  staleTime: 60_000,
});

export const lists = queryOptions({
  queryKey: ['contacts', 'exports'],
  queryFn: ({ signal }) => request<Lists>('/contact-exports', { signal }),
});
