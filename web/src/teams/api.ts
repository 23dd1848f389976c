// What the API says of teams, and of how far each role sees.
import { queryOptions } from '@tanstack/react-query';
import { request } from '../api/client';
import type { components } from '../api/openapi';

type Schemas = components['schemas'];
export type Team = Schemas['Doc'];
export type RoleRule = Schemas['RoleRule'];
export type Reach = 'own' | 'team' | 'all';

/** nouns are what a role sees or not, fields what can be hidden from it. */
export const nouns = ['conversations', 'calls', 'recordings', 'tickets', 'contacts', 'feedback', 'reports'] as const;
export const fields = ['phone', 'email', 'name', 'external', 'text'] as const;

export const teams = queryOptions({ queryKey: ['teams'], queryFn: ({ signal }) => request<{ items: Team[] }>('/teams', { signal }).then((page) => page.items) });

export const roleRules = queryOptions({ queryKey: ['role-rules'], queryFn: ({ signal }) => request<{ items: RoleRule[] }>('/role-rules', { signal }).then((page) => page.items) });

export type ExportAsked = Schemas['ExportView'];
export type ExportNoun = ExportAsked['noun'];

export const exportsAsked = queryOptions({ queryKey: ['exports'], queryFn: ({ signal }) => request<Schemas['ExportList']>('/exports', { signal }) });
