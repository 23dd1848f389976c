import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { request } from './client';
import type { Page } from './model';
import type { components } from './openapi';

type Schemas = components['schemas'];

export type VoiceMessage = Schemas['MessageItem'];
export type Callback = Schemas['CallbackItem'];
export type Parked = Schemas['ParkedItem'];
export type SurveyAnswer = Schemas['AnswerItem'];
export type SurveyRow = Schemas['AnswerRow'];
export type PhoneSecret = Schemas['PhoneSecret'];

/** voicemail is the messages of one's own box and queues, newest first: those that nobody has seen to, or all. */
export const voicemail = (all: boolean) =>
  infiniteQueryOptions({
    queryKey: ['voicemail', all],
    queryFn: ({ pageParam, signal }) => request<Page<VoiceMessage>>('/voicemail', { signal, query: { undone: all ? undefined : true, cursor: pageParam, limit: 40 } }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next ?? undefined,
  });

/** callbacks are the places kept for customers in one's queues, in their order. */
export const callbacks = queryOptions({
  queryKey: ['queues', 'callbacks'],
  queryFn: ({ signal }) => request<Page<Callback>>('/callbacks', { signal }).then((page) => page.items ?? []),
  refetchInterval: 15_000,
});

/** parked is the calls that wait to be picked up, and how many places there are. */
export const parked = queryOptions({
  queryKey: ['parked'],
  queryFn: ({ signal }) => request<{ items: Parked[] | null; places: number }>('/parked', { signal }),
  staleTime: 30_000,
});

const since = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();

/** surveys are the newest answers of callers of the last days. */
export const surveys = (days: number) =>
  queryOptions({ queryKey: ['surveys', days], queryFn: ({ signal }) => request<Page<SurveyAnswer>>('/surveys', { signal, query: { since: since(days), limit: 200 } }).then((page) => page.items ?? []) });

/** surveyReport sums them up by survey, queue and agent. */
export const surveyReport = (days: number) =>
  queryOptions({ queryKey: ['surveys', 'report', days], queryFn: ({ signal }) => request<Page<SurveyRow>>('/reports/surveys', { signal, query: { since: since(days) } }).then((page) => page.items ?? []) });

export const phoneSecret = queryOptions({
  queryKey: ['session', 'phone-secret'],
  queryFn: ({ signal }) => request<PhoneSecret>('/session/phone/secret', { signal }),
  retry: false,
});
