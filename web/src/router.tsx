import type { QueryClient } from '@tanstack/react-query';
import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, Outlet, redirect } from '@tanstack/react-router';
import { type CallFilter, type Cut, cuts, session } from './api/queries';
import { filterOf } from './inbox/filter';
import type { ArticleFilter } from './kb/queries';
import { tabs, type FeedbackFilter } from './feedback/api';
import type { TicketFilter } from './api/tickets';
import type { ContactFilter } from './contact/api';
import { names, type ReportSearch } from './report/api';
import type { DeskSearch } from './pages/DeskPage';
import { allWords, firstWords } from './i18n';
import { homeOf } from './shell/roles';
import { Crashed, NotFound } from './pages/Lost';

interface Context {
  client: QueryClient;
}

const root = createRootRouteWithContext<Context>()({ component: Outlet, notFoundComponent: NotFound });

const text = (value: unknown): string | undefined => {
  if (typeof value === 'string') return value || undefined;
  return typeof value === 'number' ? String(value) : undefined;
};

const number = (value: unknown): number | undefined => (typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : undefined);

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  validateSearch: (search: Record<string, unknown>): { next?: string; ended?: boolean; outside?: 'refused' | 'failed' } => {
    const next = text(search.next);
    // Only places of our own: "//elsewhere" would leave.
    return { next: next?.startsWith('/') && !next.startsWith('//') ? next : undefined, ended: search.ended === true || undefined, outside: search.outside === 'refused' || search.outside === 'failed' ? search.outside : undefined };
  },
  component: lazyRouteComponent(() => import('./pages/LoginPage'), 'LoginPage'),
});

const shell = createRoute({
  getParentRoute: () => root,
  id: 'shell',
  beforeLoad: async ({ context, location }) => {
    const known = await context.client.query({ ...session, staleTime: 'static' });
    if (!known) throw redirect({ to: '/login', search: { next: location.href === '/' ? undefined : location.href } });
    if (!firstWords(location.pathname)) await allWords();
  },
  component: lazyRouteComponent(() => import('./shell/Shell'), 'Shell'),
});

const home = createRoute({
  getParentRoute: () => shell,
  path: '/',
  beforeLoad: ({ context }) => {
    throw redirect({ to: homeOf(context.client.getQueryData(session.queryKey)?.user.role) });
  },
});

const LivePage = lazyRouteComponent(() => import('./pages/LivePage'), 'LivePage');
const live = createRoute({ getParentRoute: () => shell, path: '/live', component: LivePage });
// The list stays while calls are opened and closed: one component for both addresses.
const liveCall = createRoute({ getParentRoute: () => live, path: '$callId' });

const desk = createRoute({
  getParentRoute: () => shell,
  path: '/desk',
  validateSearch: (search: Record<string, unknown>): DeskSearch => ({ chat: number(search.chat), ticket: number(search.ticket), call: text(search.call) }),
  component: lazyRouteComponent(() => import('./pages/DeskPage'), 'DeskPage'),
});

const InboxPage = lazyRouteComponent(() => import('./pages/InboxPage'), 'InboxPage');
const inbox = createRoute({
  getParentRoute: () => shell,
  path: '/inbox',
  validateSearch: filterOf,
  component: InboxPage,
});
// The list stays while conversations are opened: one component for both addresses.
const oneConversation = createRoute({ getParentRoute: () => inbox, path: '$conversation' });

const callList = createRoute({
  getParentRoute: () => shell,
  path: '/calls',
  validateSearch: (search: Record<string, unknown>): CallFilter => ({
    q: text(search.q),
    number: text(search.number),
    trunk: text(search.trunk),
    state: text(search.state),
    mood: text(search.mood),
    since: text(search.since),
    until: text(search.until),
  }),
  component: lazyRouteComponent(() => import('./pages/CallsPage'), 'CallsPage'),
});

const voicemail = createRoute({ getParentRoute: () => shell, path: '/calls/voicemail', component: lazyRouteComponent(() => import('./pages/VoicemailPage'), 'VoicemailPage') });
const callbackList = createRoute({ getParentRoute: () => shell, path: '/calls/callbacks', component: lazyRouteComponent(() => import('./pages/CallbacksPage'), 'CallbacksPage') });
const callLists = createRoute({ getParentRoute: () => shell, path: '/calls/lists', component: lazyRouteComponent(() => import('./callout/ListsPage'), 'ListsPage') });
const callListOf = createRoute({
  getParentRoute: () => shell,
  path: '/calls/lists/$listId',
  validateSearch: (search: Record<string, unknown>): { state?: string; q?: string } => ({ state: text(search.state), q: text(search.q) }),
  component: lazyRouteComponent(() => import('./callout/ListPage'), 'ListPage'),
});
const surveyList = createRoute({ getParentRoute: () => shell, path: '/calls/surveys', component: lazyRouteComponent(() => import('./pages/SurveysPage'), 'SurveysPage') });

const oneCall = createRoute({
  getParentRoute: () => shell,
  path: '/calls/$callId',
  validateSearch: (search: Record<string, unknown>): { q?: string } => ({ q: text(search.q) }),
  component: lazyRouteComponent(() => import('./pages/CallPage'), 'CallPage'),
});

const flag = (value: unknown): true | undefined => value === true || undefined;

const contactList = createRoute({
  getParentRoute: () => shell,
  path: '/contacts',
  validateSearch: (search: Record<string, unknown>): ContactFilter => ({ q: text(search.q), tag: text(search.tag), kind: text(search.kind), vip: flag(search.vip), suggested: flag(search.suggested) }),
  component: lazyRouteComponent(() => import('./pages/ContactsPage'), 'ContactsPage'),
});

const oneContact = createRoute({
  getParentRoute: () => shell,
  path: '/contacts/$contactId',
  component: lazyRouteComponent(() => import('./pages/ContactPage'), 'ContactPage'),
});

const day = (value: unknown): string | undefined => (typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value) ? value : undefined);

const whole = (value: unknown): number | undefined => (typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 366 ? value : undefined);

const mood = createRoute({
  getParentRoute: () => shell,
  path: '/mood',
  validateSearch: (search: Record<string, unknown>): { by?: Cut; days?: number } => ({ by: cuts.find((cut) => cut === search.by), days: whole(search.days) }),
  component: lazyRouteComponent(() => import('./pages/MoodPage'), 'MoodPage'),
});

const system = createRoute({
  getParentRoute: () => shell,
  path: '/system',
  component: lazyRouteComponent(() => import('./pages/SystemPage'), 'SystemPage'),
});

const queues = createRoute({
  getParentRoute: () => shell,
  path: '/queues',
  component: lazyRouteComponent(() => import('./pages/QueuesPage'), 'QueuesPage'),
});

const bot = createRoute({
  getParentRoute: () => shell,
  path: '/bot',
  validateSearch: (search: Record<string, unknown>): { tab?: string } => ({ tab: text(search.tab) }),
  component: lazyRouteComponent(() => import('./pages/BotPage'), 'BotPage'),
});

const settings = createRoute({
  getParentRoute: () => shell,
  path: '/settings',
  validateSearch: (search: Record<string, unknown>): { tab?: string } => ({ tab: text(search.tab) }),
  component: lazyRouteComponent(() => import('./pages/SettingsPage'), 'SettingsPage'),
});

const admin = createRoute({
  getParentRoute: () => shell,
  path: '/admin',
  component: lazyRouteComponent(() => import('./pages/AdminPage'), 'AdminPage'),
});
const adminHome = createRoute({
  getParentRoute: () => admin,
  path: '/',
  beforeLoad: ({ context }) => {
    throw redirect({ to: '/admin/$section', params: { section: context.client.getQueryData(session.queryKey)?.user.role === 'auditor' ? 'audit' : 'numbers' } });
  },
});
const adminSection = createRoute({
  getParentRoute: () => admin,
  path: '$section',
  component: lazyRouteComponent(() => import('./pages/AdminPage'), 'AdminSection'),
});
const adminFlow = createRoute({
  getParentRoute: () => admin,
  path: 'flows/$name',
  component: lazyRouteComponent(() => import('./admin/FlowEditor'), 'FlowEditor'),
});

// On a screen in the hall nobody logs in: the page has a token of its own.
const wall = createRoute({ getParentRoute: () => root, path: '/wall', component: lazyRouteComponent(() => import('./pages/WallPage'), 'WallPage') });

const articles = createRoute({
  getParentRoute: () => shell,
  path: '/kb',
  validateSearch: (search: Record<string, unknown>): ArticleFilter => ({
    q: text(search.q),
    lang: text(search.lang),
    type: text(search.type),
    state: text(search.state),
    category: text(search.category),
    sort: text(search.sort),
    overdue: search.overdue === true || undefined,
    page: whole(search.page),
  }),
  component: lazyRouteComponent(() => import('./kb/ArticlesPage'), 'ArticlesPage'),
});

const oneArticle = createRoute({
  getParentRoute: () => shell,
  path: '/kb/$articleId',
  validateSearch: (search: Record<string, unknown>): { key?: string; lang?: string } => ({ key: text(search.key), lang: text(search.lang) }),
  component: lazyRouteComponent(() => import('./kb/ArticlePage'), 'ArticlePage'),
});

const thresholds = createRoute({
  getParentRoute: () => shell,
  path: '/kb/thresholds',
  component: lazyRouteComponent(() => import('./kb/ThresholdsPage'), 'ThresholdsPage'),
});

const knowledge = [
  createRoute({ getParentRoute: () => shell, path: '/kb/snippets', component: lazyRouteComponent(() => import('./assist/SnippetsPage'), 'SnippetsPage') }),
  createRoute({ getParentRoute: () => shell, path: '/kb/suggestions', component: lazyRouteComponent(() => import('./assist/SuggestionsPage'), 'SuggestionsPage') }),
  createRoute({ getParentRoute: () => shell, path: '/kb/unanswered', component: lazyRouteComponent(() => import('./assist/UnansweredPage'), 'UnansweredPage') }),
  createRoute({ getParentRoute: () => shell, path: '/kb/health', component: lazyRouteComponent(() => import('./assist/HealthPage'), 'HealthPage') }),
  createRoute({ getParentRoute: () => shell, path: '/kb/practice', component: lazyRouteComponent(() => import('./assist/PracticePage'), 'PracticePage') }),
  createRoute({ getParentRoute: () => shell, path: '/kb/scripts', component: lazyRouteComponent(() => import('./assist/ScriptsPage'), 'ScriptsPage') }),
] as const;

const ticketList = createRoute({
  getParentRoute: () => shell,
  path: '/tickets',
  validateSearch: (search: Record<string, unknown>): TicketFilter => ({
    q: text(search.q),
    state: text(search.state),
    type: text(search.type),
    priority: text(search.priority),
    queue: text(search.queue),
    assignee: text(search.assignee),
    late: flag(search.late),
    complaint: flag(search.complaint),
  }),
  component: lazyRouteComponent(() => import('./pages/TicketsPage'), 'TicketsPage'),
});

const oneTicket = createRoute({
  getParentRoute: () => shell,
  path: '/tickets/$ticketId',
  component: lazyRouteComponent(() => import('./pages/TicketPage'), 'TicketPage'),
});

const feedbackPage = createRoute({
  getParentRoute: () => shell,
  path: '/feedback',
  validateSearch: (search: Record<string, unknown>): FeedbackFilter => ({
    tab: tabs.find((tab) => tab === search.tab),
    q: text(search.q),
    kind: text(search.kind),
    source: text(search.source),
    topic: text(search.topic),
    bad: flag(search.bad),
    days: whole(search.days),
    state: text(search.state),
    owner: text(search.owner),
    late: flag(search.late),
    waiting: flag(search.waiting),
    cause: text(search.cause),
    product: text(search.product),
    process: text(search.process),
    outcome: text(search.outcome),
  }),
  component: lazyRouteComponent(() => import('./feedback/FeedbackPage'), 'FeedbackPage'),
});

const reports = createRoute({
  getParentRoute: () => shell,
  path: '/reports',
  validateSearch: (search: Record<string, unknown>): ReportSearch => ({
    report: names.find((name) => name === search.report),
    cut: text(search.cut),
    days: whole(search.days),
    from: day(search.from),
    to: day(search.to),
    queue: text(search.queue),
    agent: text(search.agent),
    channel: text(search.channel),
    language: text(search.language),
    bot: search.bot === 'people' || search.bot === 'bot' ? search.bot : undefined,
    before: flag(search.before),
    column: text(search.column),
  }),
  component: lazyRouteComponent(() => import('./report/ReportsPage'), 'ReportsPage'),
});

const oneCase = createRoute({
  getParentRoute: () => shell,
  path: '/cases/$caseId',
  component: lazyRouteComponent(() => import('./feedback/CasePage'), 'CasePage'),
});

const tree = root.addChildren([
  login,
  wall,
  shell.addChildren([home, live.addChildren([liveCall]), desk, inbox.addChildren([oneConversation]), callList, voicemail, callbackList, callLists, callListOf, surveyList, oneCall, contactList, oneContact, ticketList, oneTicket, feedbackPage, oneCase, mood, reports, queues, articles, oneArticle, thresholds, ...knowledge, bot, system, admin.addChildren([adminHome, adminFlow, adminSection]), settings]),
]);

export function makeRouter(client: QueryClient) {
  return createRouter({
    routeTree: tree,
    context: { client },
    defaultPreload: 'intent',
    defaultPreloadStaleTime: 0,
    defaultErrorComponent: Crashed,
    scrollRestoration: true,
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
