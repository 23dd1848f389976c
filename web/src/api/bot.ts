// What the bot's part of the API says, and how to ask for it.
import { queryOptions } from '@tanstack/react-query';
import { request } from './client';
import type { components } from './openapi';

type Schemas = components['schemas'];
export type BotReply = Schemas['BotReply'];
export type BotPart = Schemas['BotPart'];
export type BotWhy = Schemas['BotWhy'];
export type BotPacket = Schemas['BotPacket'];
export type BotIntent = Schemas['BotIntent'];
export type BotPhrase = Schemas['BotPhrase'];
export type BotModel = Schemas['BotModel'];
export type BotPolicy = Schemas['BotPolicy'];
export type BotLine = Schemas['BotLine'];
export type BotReport = Schemas['BotReport'];
export type BotShare = Schemas['BotShare'];
export type BotTurn = Schemas['BotTurnView'];
export type BotTool = Schemas['BotToolDoc'];

export const intents = queryOptions({
  queryKey: ['bot', 'intents'],
  queryFn: ({ signal }) => request<{ items: BotIntent[] }>('/bot/intents', { signal }).then((page) => page.items),
});

export const models = queryOptions({
  queryKey: ['bot', 'models'],
  queryFn: ({ signal }) => request<{ items: BotModel[] }>('/bot/models', { signal }).then((page) => page.items),
});

export const unanswered = queryOptions({
  queryKey: ['bot', 'unanswered'],
  queryFn: ({ signal }) => request<{ items: BotTurn[] }>('/bot/unanswered', { signal }).then((page) => page.items),
});

export const policy = queryOptions({
  queryKey: ['bot', 'policy'],
  queryFn: ({ signal }) => request<BotPolicy>('/bot/policy', { signal }),
});

export const tools = queryOptions({
  queryKey: ['bot', 'tools'],
  queryFn: ({ signal }) => request<{ items: BotTool[]; hosts: string[] }>('/bot/tools', { signal }),
});

export const report = (days: number, channel: string) =>
  queryOptions({
    queryKey: ['bot', 'report', days, channel],
    queryFn: ({ signal }) => request<BotReport>('/bot/report', { signal, query: { days, channel } }),
  });

/** textIn picks the text of a language, else any. */
export function textIn(texts: Record<string, string> | undefined, language: string): string {
  return [language.slice(0, 2), 'zh', 'en'].map((lang) => texts?.[lang]).find((text) => text) ?? '';
}
