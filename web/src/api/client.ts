import { Problem, problemOf } from './problem';

export const base = '/api/v1';

let csrf = '';
let onUnauthorized: () => void = () => undefined;

/** setCSRF stores the token that state-changing requests must carry. */
export function setCSRF(token: string): void {
  csrf = token;
}

/** csrfToken is that token, for requests that are not JSON. */
export const csrfToken = (): string => csrf;

/** whenUnauthorized is called when the server no longer knows the session. */
export function whenUnauthorized(callback: () => void): void {
  onUnauthorized = callback;
}

let onLocked: () => void = () => undefined;

/** whenLocked is called when the server says that the session is locked. */
export function whenLocked(callback: () => void): void {
  onLocked = callback;
}

type Query = Record<string, string | number | boolean | undefined>;

export interface Ask {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  query?: Query;
  /** JSON, or the bytes of a file. */
  body?: unknown;
  signal?: AbortSignal;
  /** It may outlive the page; at most 64 kB. */
  keepalive?: boolean;
  /** A 401 is the answer here (login), not the end of the session. */
  anonymous?: boolean;
}

function address(path: string, query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') params.set(name, String(value));
  }
  const text = params.toString();
  return base + path + (text ? `?${text}` : '');
}

async function send(path: string, ask: Ask): Promise<Response> {
  const method = ask.method ?? 'GET';
  const headers: Record<string, string> = { Accept: 'application/json, application/problem+json' };
  const file = ask.body instanceof Blob ? ask.body : undefined;
  if (ask.body !== undefined) headers['Content-Type'] = file ? (file.type === 'audio/wav' ? file.type : 'application/octet-stream') : 'application/json';
  if (method !== 'GET' && csrf) headers['X-CSRF-Token'] = csrf;
  try {
    return await fetch(address(path, ask.query), {
      method,
      headers,
      credentials: 'same-origin',
      body: file ?? (ask.body === undefined ? undefined : JSON.stringify(ask.body)),
      signal: ask.signal,
      keepalive: ask.keepalive,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Problem(0);
  }
}

/** Changes on their way, by what they ask for. */
const underway = new Map<string, Promise<unknown>>();

/**
 * request asks the server and returns its JSON, undefined when it has none to say. Throws a Problem. A change that
 * is asked for again while it is on its way, as by a double click, is done once: both have its answer.
 */
export function request<T>(path: string, ask: Ask = {}): Promise<T> {
  if ((ask.method ?? 'GET') === 'GET' || ask.signal || ask.body instanceof Blob) return answered<T>(path, ask);
  const key = `${ask.method ?? ''} ${address(path, ask.query)} ${JSON.stringify(ask.body)}`;
  const same = underway.get(key);
  if (same) return same as Promise<T>;
  const asked = answered<T>(path, ask).finally(() => underway.delete(key));
  underway.set(key, asked);
  return asked;
}

async function answered<T>(path: string, ask: Ask): Promise<T> {
  const response = await send(path, ask);
  if (!response.ok) {
    if (response.status === 401 && !ask.anonymous) onUnauthorized();
    if (response.status === 423) onLocked();
    throw await problemOf(response);
  }
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

/** upload sends a file as the body and returns the server's JSON. Throws a Problem. */
export async function upload<T>(path: string, file: Blob, type: string, query: Query = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json, application/problem+json', 'Content-Type': type };
  if (csrf) headers['X-CSRF-Token'] = csrf;
  let response: Response;
  try {
    response = await fetch(address(path, query), { method: 'POST', headers, credentials: 'same-origin', body: file });
  } catch {
    throw new Problem(0);
  }
  if (!response.ok) {
    if (response.status === 401) onUnauthorized();
    throw await problemOf(response);
  }
  return (await response.json()) as T;
}
