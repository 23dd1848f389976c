// What the API says of logins, keys and what is demanded of them.
import { queryOptions } from '@tanstack/react-query';
import { request } from '../api/client';
import type { components } from '../api/openapi';

type Schemas = components['schemas'];
export type ApiKey = Schemas['APIKey'];
export type ApiKeyList = Schemas['APIKeyList'];
export type NewApiKey = Schemas['NewAPIKey'];
export type SignedIn = Schemas['SignedIn'];
export type FactorState = Schemas['FactorState'];
export type FactorSecret = Schemas['FactorSecret'];
export type RecoveryCodes = Schemas['RecoveryCodes'];
export type Security = Schemas['Security'];
export type AuditCheck = Schemas['AuditCheck'];
export type SignInOptions = Schemas['SignInOptions'];

export const keysOf = (all: boolean) =>
  queryOptions({ queryKey: ['guard', 'keys', all], queryFn: ({ signal }) => request<ApiKeyList>(all ? '/users/keys' : '/api-keys', { signal }) });

export const factor = queryOptions({ queryKey: ['guard', 'factor'], queryFn: ({ signal }) => request<FactorState>('/session/second-factor', { signal }) });

/** placesOf are where somebody is signed in; oneself without a user. */
export const placesOf = (user?: string) =>
  queryOptions({
    queryKey: ['guard', 'places', user ?? 'me'],
    queryFn: ({ signal }) => request<{ items: SignedIn[] }>(user ? `/users/${user}/sessions` : '/sessions', { signal }).then((page) => page.items),
  });

export const security = queryOptions({ queryKey: ['guard', 'security'], queryFn: ({ signal }) => request<Security>('/settings/security', { signal }) });

export const signInOptions = queryOptions({
  queryKey: ['guard', 'options'],
  queryFn: ({ signal }) => request<SignInOptions>('/session/options', { signal, anonymous: true }),
  staleTime: Infinity,
  retry: false,
});
