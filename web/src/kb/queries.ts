import { queryOptions } from '@tanstack/react-query';
import { request } from '../api/client';
import type { components } from '../api/openapi';

type Schemas = components['schemas'];

export type Article = Schemas['ArticleView'];
export type Saved = Schemas['Record'];
export type Listed = Schemas['Listed'];
export type Category = Schemas['CategoryCount'];
export type Verdict = Schemas['Answer'];
export type Candidate = Schemas['Candidate'];
export type Trial = Schemas['Trial'];
export type Warned = Schemas['Warning'];
export type Shown = Schemas['Preview'];
export type Version = Schemas['Version'];
export type DiffLine = Schemas['DiffLine'];
export type Judgement = Schemas['Judgement'];
export type Point = Schemas['Point'];
export type Import = Schemas['Report'];
export type Edit = Omit<Schemas['KbSaveInputBody'], 'version' | '$schema'>;
export type State = Listed['state'];

export const states = ['draft', 'review', 'live', 'retired'] as const;
export const types = ['faq', 'product', 'process'] as const;
export const sorts = ['updated', 'title', 'stale', 'down', 'shown'] as const;
export const languages = ['zh', 'en'] as const;
export const pageSize = 50;

/** What the list can be asked for; empty fields do not filter. */
export interface ArticleFilter {
  q?: string;
  lang?: string;
  type?: string;
  state?: string;
  category?: string;
  sort?: string;
  overdue?: boolean;
  page?: number;
}

export const articles = ({ page = 1, ...filter }: ArticleFilter) =>
  queryOptions({
    queryKey: ['kb', 'articles', filter, page],
    queryFn: ({ signal }) => request<Schemas['ArticlePage']>('/kb/articles', { signal, query: { ...filter, offset: (page - 1) * pageSize } }),
    placeholderData: (old) => old,
  });

export const categories = (lang: string) =>
  queryOptions({ queryKey: ['kb', 'categories', lang], queryFn: ({ signal }) => request<Schemas['CategoryList']>('/kb/categories', { signal, query: { lang } }).then((list) => list.items) });

export const article = (id: string) => queryOptions({ queryKey: ['kb', 'article', id], queryFn: ({ signal }) => request<Article>(`/kb/articles/${id}`, { signal }) });

export const versions = (id: number) =>
  queryOptions({ queryKey: ['kb', 'article', String(id), 'versions'], queryFn: ({ signal }) => request<Schemas['VersionList']>(`/kb/articles/${id}/versions`, { signal }).then((list) => list.items) });

export const diff = (id: number, from: number, to: number) =>
  queryOptions({ queryKey: ['kb', 'article', String(id), 'diff', from, to], queryFn: ({ signal }) => request<Schemas['DiffView']>(`/kb/articles/${id}/diff`, { signal, query: { from, to } }).then((view) => view.lines) });

export const judgements = queryOptions({
  queryKey: ['kb', 'judgements'],
  queryFn: ({ signal }) => request<Schemas['JudgementList']>('/kb/judgements', { signal }).then((list) => list.items),
  refetchInterval: 10_000,
});

/** A node of the tree of categories; its counts hold what is under it too. */
export interface Branch {
  path: string;
  name: string;
  total: number;
  live: number;
  overdue: number;
  ord: number;
  children: Branch[];
}

/** namesOf gives each path of a tree as people read it: the names of its levels. */
export function namesOf(root: Branch): Map<string, string> {
  const names = new Map<string, string>();
  const walk = (branch: Branch, above: string) => {
    for (const child of branch.children) {
      const name = above ? `${above} / ${child.name}` : child.name;
      names.set(child.path, name);
      walk(child, name);
    }
  };
  walk(root, '');
  return names;
}

/** treeOf makes a tree of paths; what has no category is the root's own. */
export function treeOf(list: readonly Category[]): Branch {
  const root: Branch = { path: '', name: '', total: 0, live: 0, overdue: 0, ord: 0, children: [] };
  for (const one of list) {
    let at = root;
    const count = (branch: Branch) => {
      branch.total += one.total;
      branch.live += one.live;
      branch.overdue += one.overdue;
    };
    count(root);
    const parts = one.path ? one.path.split('/') : [];
    parts.forEach((part, i) => {
      const path = parts.slice(0, i + 1).join('/');
      let next = at.children.find((child) => child.path === path);
      if (!next) {
        next = { path, name: part, total: 0, live: 0, overdue: 0, ord: 0, children: [] };
        at.children.push(next);
      }
      if (path === one.path) {
        if (one.name) next.name = one.name;
        next.ord = one.ord || next.ord;
      }
      count(next);
      at = next;
    });
  }
  const sort = (branch: Branch) => {
    branch.children.sort((a, b) => a.ord - b.ord || a.name.localeCompare(b.name));
    branch.children.forEach(sort);
  };
  sort(root);
  return root;
}
