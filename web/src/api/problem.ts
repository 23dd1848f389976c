/** An RFC 9457 problem document. */
interface Document {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  errors?: { message?: string; location?: string; value?: unknown }[] | null;
}

/** What is wrong with one field of a setting; code is a word of the server's for `admin.fault.CODE`. */
export interface Fault {
  /** Path in the document; empty for the whole. */
  field: string;
  code: string;
  message: string;
}

const byStatus: Record<number, string> = {
  400: 'invalid',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
  413: 'too_large',
  422: 'invalid',
  423: 'locked',
  429: 'too_many',
  502: 'unavailable',
  503: 'unavailable',
  504: 'unavailable',
};

/**
 * A request that failed. `key` is the locale key of the one sentence to show;
 * status 0 means that no answer came at all.
 */
export class Problem extends Error {
  readonly status: number;
  /** A URN of the server's where a caller must branch, else empty. */
  readonly type: string;
  readonly detail: string;
  readonly locations: string[];
  readonly faults: Fault[];

  constructor(status: number, document: Document = {}) {
    super(document.detail ?? document.title ?? `status ${status}`);
    this.name = 'Problem';
    this.status = status;
    this.type = document.type ?? '';
    this.detail = document.detail ?? '';
    this.locations = (document.errors ?? []).flatMap((e) => (e.location ? [e.location] : []));
    this.faults = (document.errors ?? []).map((e) => ({ field: (e.location ?? '').replace(/^body\.doc\.?/, ''), code: typeof e.value === 'string' ? e.value : 'format', message: e.message ?? '' }));
  }

  get key(): string {
    if (this.status === 0) return 'problem.offline';
    if (this.type === 'urn:tingxin:agent-absent') return 'problem.absent';
    return `problem.${byStatus[this.status] ?? 'internal'}`;
  }
}

/** problemKey is the locale key of the sentence for anything that was thrown. */
export function problemKey(error: unknown): string {
  return error instanceof Problem ? error.key : 'problem.internal';
}

export async function problemOf(response: Response): Promise<Problem> {
  try {
    return new Problem(response.status, (await response.json()) as Document);
  } catch {
    return new Problem(response.status);
  }
}

/** passing is whether what went wrong may be over the next time one asks: no connection, a server that is busy or away. */
export const passing = (error: unknown): boolean => error instanceof Problem && (error.status === 0 || error.status === 429 || error.status >= 500);

/**
 * lost is the error to show in the place of a page. One that was read and may be read again stays as it is while the
 * connection is away, and so does what somebody writes on it; the banner tells of the connection.
 */
export const lost = (error: unknown, data: unknown): unknown => (data && passing(error) ? null : error);
