import { useMutation, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Dropdown, Tooltip, type MenuProps } from 'antd';
import dayjs from 'dayjs';
import { lazy, Suspense, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { problemKey } from '../api/problem';
import { board, colleagues, session } from '../api/queries';
import { CaseMark } from '../feedback/marks';
import { Icon } from '../parts/Icon';
import { Wait } from '../desk/Wait';
import { useMessage } from '../parts/messages';
import { MacroMenu } from '../rules/MacroMenu';
import { useActions, type Action } from '../shell/actions';
import { works } from '../shell/roles';
import { labels as labelsOf, type Conversation } from './data';
import { useDeed } from './hooks';
import { moments } from './moments';

const WhenBox = lazy(() => import('./When'));
const MergeBox = lazy(() => import('./MergeBox'));

/** useUndo takes a merge or a split back. */
function useUndo(id: number) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (change: number) => request(`/conversation-changes/${change}/undo`, { method: 'POST' }),
    onSuccess: () => Promise.all([client.invalidateQueries({ queryKey: ['conversation', id] }), client.invalidateQueries({ queryKey: ['conversations'] }), client.invalidateQueries({ queryKey: ['desk'] })]),
    onError: (error) => void message.error(t(problemKey(error))),
  });
}

interface Props {
  view: Conversation;
  onBack?: () => void;
  /** Opens what comes next in the list. */
  onNext?: () => void;
  onTicket: () => void;
  onSplit: () => void;
}

/** useHanding are the menu entries by which a conversation goes to somebody, or into a queue. */
function useHanding(view: Conversation) {
  const { t } = useTranslation();
  const { data: me } = useSuspenseQuery(session);
  const people = useQuery(colleagues).data ?? [];
  const queues = useQuery({ ...board, refetchInterval: 60_000 }).data?.items ?? [];
  const deed = useDeed(view.id);
  const mine = me ? Number(me.user.id) : 0;
  const items: MenuProps['items'] = [
    ...(view.assignee === mine ? [] : [{ key: 'me', label: t('inbox.assignMe'), onClick: () => deed.mutate({ path: '/assign', body: { user: mine } }) }]),
    { type: 'group', key: 'people', label: t('desktop.toPerson'), children: people.filter((p) => Number(p.id) !== mine && Number(p.id) !== view.assignee).map((p) => ({ key: p.id, label: p.name || p.username, onClick: () => deed.mutate({ path: '/assign', body: { user: Number(p.id) } }) })) },
    ...(queues.length > 0
      ? [{ type: 'group' as const, key: 'queues', label: t('desktop.toQueue'), children: queues.map((q) => ({ key: `queue ${q.id}`, label: `${q.name || q.id} (${q.waiting})`, onClick: () => deed.mutate({ path: '/transfer', body: { queue: q.id } }) })) }]
      : []),
    ...(view.assignee ? [{ type: 'divider' as const }, { key: 'nobody', label: t('inbox.assignNobody'), onClick: () => deed.mutate({ path: '/assign', body: { user: 0 } }) }] : []),
  ];
  return items;
}

/** TalkHead is who it is, what is promised, and what can be done with the conversation. */
export function TalkHead({ view, onBack, onNext, onTicket, onSplit }: Props) {
  const { t } = useTranslation();
  const { data: me } = useSuspenseQuery(session);
  const known = useQuery(labelsOf).data ?? [];
  const deed = useDeed(view.id);
  const undo = useUndo(view.id);
  const handing = useHanding(view);
  const [when, setWhen] = useState(false);
  const [merging, setMerging] = useState(false);
  const [menu, setMenu] = useState<'assign' | 'snooze' | ''>('');
  const mine = me ? Number(me.user.id) : 0;
  const working = works(me?.user.role);
  const open = view.state === 'open' || view.state === 'snoozed';
  const following = view.followers.includes(mine);
  const undoable = view.changes.find((one) => !one.undone_at);
  const { mutate } = deed;
  const { mutate: takeBack } = undo;

  const snoozes: MenuProps['items'] = [
    ...moments(new Date()).map(({ key, at }) => ({ key, label: `${t(`desktop.moment.${key}`)} · ${dayjs(at).format('MM-DD HH:mm')}`, onClick: () => mutate({ path: '/snooze', body: { until: at.toISOString() } }) })),
    { type: 'divider' },
    { key: 'other', label: t('desktop.moment.other'), onClick: () => setWhen(true) },
  ];
  const more: MenuProps['items'] = [
    { key: 'ticket', icon: <Icon name="ticket" size={16} />, label: t('desktop.do.ticket'), onClick: onTicket },
    { key: 'follow', icon: <Icon name="eye" size={16} />, label: t(following ? 'desktop.do.unfollow' : 'desktop.do.follow'), onClick: () => mutate({ path: '/follow', body: { on: !following } }) },
    { key: 'urgency', icon: <Icon name="up" size={16} />, label: t('desktop.urgency'), children: [3, 2, 1, 0].map((u) => ({ key: `u${u}`, label: `${view.urgency === u ? '✓ ' : ''}${t(`desktop.urgencies.${u}`)}`, onClick: () => mutate({ path: '/urgency', method: 'PUT', body: { urgency: u } }) })) },
    { type: 'divider' },
    { key: 'merge', icon: <Icon name="merge" size={16} />, label: t('desktop.do.merge'), onClick: () => setMerging(true) },
    { key: 'split', icon: <Icon name="transfer" size={16} />, label: t('desktop.do.split'), onClick: onSplit },
    ...(undoable ? [{ key: 'undo', icon: <Icon name="rewind" size={16} />, label: t(`desktop.do.undo.${undoable.kind}`), onClick: () => takeBack(undoable.id) }] : []),
    ...(open && !view.bot_barred ? [{ type: 'divider' as const }, { key: 'bot', icon: <Icon name="bot" size={16} />, label: t('desktop.do.giveBack'), onClick: () => mutate({ path: '/give-back' }) }] : []),
  ];
  useActions(
    useMemo<Action[]>(
      () => !working ? [] : [
        { id: 'resolve', group: 'work', icon: 'shield', label: t(open ? 'desktop.do.resolve' : 'inbox.reopen'), code: 'KeyE', run: () => mutate({ path: open ? '/close' : '/reopen' }) },
        ...(open && onNext ? [{ id: 'resolveNext', group: 'work' as const, icon: 'shield' as const, label: t('desktop.do.resolveNext'), code: 'KeyE', shift: true, run: () => mutate({ path: '/close' }, { onSuccess: onNext }) }] : []),
        ...(open
          ? [
              { id: 'snooze', group: 'work' as const, icon: 'pause' as const, label: t('desktop.do.snooze'), code: 'KeyZ', run: () => setMenu('snooze') },
              { id: 'assign', group: 'work' as const, icon: 'user' as const, label: t('desktop.do.assign'), code: 'KeyA', run: () => setMenu('assign') },
              { id: 'mine', group: 'work' as const, icon: 'user' as const, label: t('desktop.do.mine'), run: () => mutate({ path: '/assign', body: { user: mine } }) },
            ]
          : []),
        { id: 'ticket', group: 'work', icon: 'ticket', label: t('desktop.do.ticket'), code: 'KeyT', run: onTicket },
        { id: 'follow', group: 'work', icon: 'eye', label: t(following ? 'desktop.do.unfollow' : 'desktop.do.follow'), run: () => mutate({ path: '/follow', body: { on: !following } }) },
        { id: 'merge', group: 'work', icon: 'merge', label: t('desktop.do.merge'), run: () => setMerging(true) },
        { id: 'split', group: 'work', icon: 'transfer', label: t('desktop.do.split'), run: onSplit },
      ],
      [t, working, open, onNext, onTicket, onSplit, mutate, mine, following],
    ),
  );
  return (
    <header className="inbox-head">
      {onBack && (
        <button type="button" className="round" aria-label={t('inbox.back')} onClick={onBack}>
          <Icon name="back" />
        </button>
      )}
      <div className="inbox-title">
        <h2 dir="auto">{(view.name ?? '') || t('inbox.visitor', { id: view.id })}</h2>
        <span className="muted">
          {t(`inbox.channel.${view.channel}`, { defaultValue: view.channel })} · {t(`inbox.stateOf.${view.state}`)}
          {view.page && ` · ${view.page}`}
        </span>
        <CaseMark reason={`conversation:${view.id}`} />
      </div>
      {view.waiting_since && <Wait since={view.waiting_since} />}
      {working && <div className="inbox-deeds">
        {known.length > 0 && (
          <Dropdown
            trigger={['click']}
            autoFocus
            menu={{
              className: 'inbox-people',
              multiple: true,
              selectable: true,
              selectedKeys: view.labels,
              items: known.map((l) => ({ key: l.name, label: l.name })),
              onClick: ({ key }) => mutate({ path: '/labels', method: 'PUT', body: { labels: view.labels.includes(key) ? view.labels.filter((one) => one !== key) : [...view.labels, key] } }),
            }}
          >
            <button type="button" className="chip inbox-labels" aria-label={t('inbox.labels')} title={t('inbox.labels')}>
              {view.labels.length > 0 ? view.labels.slice(0, 2).join(', ') + (view.labels.length > 2 ? ` +${view.labels.length - 2}` : '') : t('inbox.labels')}
            </button>
          </Dropdown>
        )}
        {open && (
          <Dropdown trigger={['click']} open={menu === 'assign'} onOpenChange={(on) => setMenu(on ? 'assign' : '')} menu={{ items: handing, className: 'inbox-people', onClick: () => setMenu('') }} autoFocus>
            <button type="button" className="chip" title={t('desktop.do.assign')}>
              <Icon name="user" size={15} />
              {view.assignee ? view.assignee_name : t('inbox.assign')}
            </button>
          </Dropdown>
        )}
        {open && (
          <Dropdown trigger={['click']} open={menu === 'snooze'} onOpenChange={(on) => setMenu(on ? 'snooze' : '')} menu={{ items: snoozes, onClick: () => setMenu('') }} autoFocus>
            <button type="button" className="round" aria-label={t('inbox.snooze')} title={t('inbox.snooze')}>
              <Icon name="pause" size={18} />
            </button>
          </Dropdown>
        )}
        <MacroMenu object={{ kind: 'conversation', id: view.id }} />
        <Dropdown trigger={['click']} menu={{ items: more }} autoFocus>
          <Tooltip title={t('nav.more')}>
            <button type="button" className="round" aria-label={t('nav.more')}>
              <Icon name="more" size={18} />
            </button>
          </Tooltip>
        </Dropdown>
        {/* A double click does not open again what it has closed. */}
        <button type="button" className="chip inbox-close" disabled={deed.isPending} onClick={(event) => event.detail < 2 && mutate({ path: open ? '/close' : '/reopen' })}>
          {open ? t('inbox.close') : t('inbox.reopen')}
        </button>
      </div>}
      <Suspense>
        {when && (
          <WhenBox
            title={t('inbox.snoozeUntil')}
            ok={t('inbox.snooze')}
            onClose={() => setWhen(false)}
            onChoose={(until) => {
              setWhen(false);
              mutate({ path: '/snooze', body: { until } });
            }}
          />
        )}
        {merging && <MergeBox view={view} onClose={() => setMerging(false)} />}
      </Suspense>
    </header>
  );
}
