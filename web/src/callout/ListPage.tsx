import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Button, Dropdown, Input, Modal, Popconfirm } from 'antd';
import { useCallback, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { base, request } from '../api/client';
import { lost, Problem, problemKey } from '../api/problem';
import { board, dispositions } from '../api/queries';
import { useChannel } from '../call/hooks';
import { useAct } from '../contact/words';
import { firstOf, useFormat } from '../i18n/format';
import { Icon } from '../parts/Icon';
import { More } from '../parts/More';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { Title } from '../parts/Title';
import { useMessage } from '../parts/messages';
import { useNames } from '../phone/control';
import { callList, entries, entry, entryStates, type Attempt, type CallList, type Entry, type EntryFilter } from './api';
import { Fill } from './Fill';
import { useFresh } from './fresh';
import { ListForm } from './ListForm';
import { ListState, Progress, useOutcome, usePause } from './pieces';
import './callout.css';
import './preview.css';
import '../pages/calls.css';

/** useDisposition says what an agent chose after a call of the list's queue. */
function useDisposition(queue: string): (code: string) => string {
  const { i18n } = useTranslation();
  const { data } = useQuery(dispositions(queue));
  return (code) => {
    const one = data?.find((d) => d.code === code);
    return firstOf(i18n.language === 'zh-CN' ? one?.name_zh : one?.name_en, code);
  };
}

function Try({ one, queue }: { one: Attempt; queue: string }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const outcome = useOutcome();
  const disposition = useDisposition(queue);
  const names = useNames();
  return (
    <li className="call-try">
      <time className="num" dateTime={one.at}>
        {dateTime(one.at)}
      </time>
      <span>{one.agent ? firstOf(names[one.agent], one.agent) : '–'}</span>
      <strong>{outcome(one)}</strong>
      {one.disposition && <span className="tag">{disposition(one.disposition)}</span>}
      {one.call && (
        <Link to="/calls/$callId" params={{ callId: one.call }}>
          {t('callout.theCall')}
        </Link>
      )}
      {one.note && <span className="call-try-note muted">{one.note}</span>}
    </li>
  );
}

function Tries({ list, id }: { list: CallList; id: number }) {
  const { t } = useTranslation();
  const { data, error } = useQuery(entry(String(list.id), id));
  if (lost(error, data)) return <Failed error={error} />;
  if (!data) return <Waiting rows={2} />;
  const facts = Object.entries(data.data);
  return (
    <div className="call-entry-more">
      {data.note && <p>{data.note}</p>}
      {facts.length > 0 && (
        <dl className="preview-facts">
          {facts.map(([key, value]) => (
            <div key={key}>
              <dt>{key}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {data.tries.length === 0 ? (
        <p className="muted">{t('callout.noTries')}</p>
      ) : (
        <ol className="call-tries">
          {data.tries.map((one, i) => (
            <Try key={i} one={one} queue={list.queue} />
          ))}
        </ol>
      )}
    </div>
  );
}

function Row({ list, one }: { list: CallList; one: Entry }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const outcome = useOutcome();
  const anew = useFresh();
  const [open, setOpen] = useState(false);
  const act = useAct((again: boolean) => request(`/call-lists/${list.id}/entries/${one.id}${again ? '/again' : ''}`, { method: again ? 'POST' : 'DELETE' }), { then: anew });
  const over = one.state !== 'pending' && one.state !== 'queued';
  const later = one.state === 'pending' && one.not_before && Date.parse(one.not_before) > Date.now() ? one.not_before : undefined;
  return (
    <li className="call-entry">
      <button type="button" className="call-entry-open" aria-expanded={open} onClick={() => setOpen(!open)} aria-label={t('callout.triesOf', { who: one.contact_name ?? one.number })}>
        <Icon name={open ? 'up' : 'down'} size={15} />
      </button>
      <span className="call-entry-who">
        <strong>{one.contact_name ?? one.number}</strong>
        {one.contact_name && <span className="num muted">{one.number}</span>}
        {one.contact ? (
          <Link to="/contacts/$contactId" params={{ contactId: String(one.contact) }}>
            {t('callout.person')}
          </Link>
        ) : null}
      </span>
      <span>
        <span className={`tag entry-tag entry-tag-${one.state}`}>{t(`callout.states.${one.state}`)}</span>
      </span>
      <span className="call-entry-last">
        {one.last ? outcome(one.last) : one.state === 'refused' ? t('callout.outcomes.do_not_call') : ''}
        {later ? <small className="muted num">{t('callout.notBefore', { time: dateTime(later) })}</small> : one.last && <small className="muted num">{dateTime(one.last.at)}</small>}
      </span>
      <span className="num muted call-entry-n">{t('callout.triesCount', { n: one.attempts, of: list.attempts })}</span>
      <span className="line-acts">
        {over && list.state !== 'closed' && (
          <button type="button" className="small-button" disabled={act.isPending} onClick={() => act.mutate(true)}>
            {t('callout.again')}
          </button>
        )}
        {!over && (
          <Popconfirm title={t('callout.cancelAsk', { who: one.contact_name ?? one.number })} okText={t('callout.cancel')} cancelText={t('settings.cancel')} onConfirm={() => act.mutate(false)}>
            <button type="button" className="small-button" disabled={act.isPending}>
              {t('callout.cancel')}
            </button>
          </Popconfirm>
        )}
      </span>
      {open && <Tries list={list} id={one.id} />}
    </li>
  );
}

function Entries({ list, filter, change }: { list: CallList; filter: EntryFilter; change: (part: EntryFilter) => void }) {
  const { t } = useTranslation();
  const found = useInfiniteQuery(entries(String(list.id), filter));
  const rows = useMemo(() => found.data?.pages.flatMap((page) => page.items) ?? [], [found.data]);
  return (
    <>
      <search className="filters card">
        <Input.Search className="filter-words" allowClear defaultValue={filter.q} placeholder={t('callout.search')} aria-label={t('callout.search')} onSearch={(q) => change({ ...filter, q: q.trim() || undefined })} />
        <div className="chips">
          {entryStates.map((state) => (
            <button key={state} type="button" className="chip" aria-pressed={filter.state === state} onClick={() => change({ ...filter, state: filter.state === state ? undefined : state })}>
              {t(`callout.states.${state}`)} <span className="num">{list.counts[state] ?? 0}</span>
            </button>
          ))}
        </div>
      </search>
      {found.error && <Failed error={found.error} retry={() => void found.refetch()} />}
      {found.isPending && <Waiting rows={6} />}
      {found.data && rows.length === 0 && <Empty icon="contacts" title={t(list.total === 0 ? 'callout.nobody' : 'callout.noneFound')} hint={list.total === 0 ? t('callout.nobodyHint') : undefined} />}
      {rows.length > 0 && (
        <ul className="card call-entries">
          {rows.map((one) => (
            <Row key={one.id} list={list} one={one} />
          ))}
        </ul>
      )}
      <More of={found} />
    </>
  );
}

/** useCSV fetches the list as a file; a long one is asked for, since a second person has to agree. */
function useCSV(list: CallList | undefined): () => void {
  const { t } = useTranslation();
  const message = useMessage();
  return useCallback(() => {
    if (!list) return;
    const fetchIt = async () => {
      const response = await fetch(`${base}/call-lists/${list.id}/entries.csv`, { credentials: 'same-origin' });
      if (response.status === 409) {
        await request('/exports', { method: 'POST', body: { noun: 'entries', query: { list: list.id } } });
        void message.info(t('callout.csvAsked'), 8);
        return;
      }
      if (!response.ok) throw new Problem(response.status);
      const link = document.createElement('a');
      link.href = URL.createObjectURL(await response.blob());
      link.download = `call-list-${list.id}.csv`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    };
    fetchIt().catch((error: unknown) => void message.error(t(problemKey(error))));
  }, [list, message, t]);
}

function Head({ list, onFill, onChange }: { list: CallList; onFill: () => void; onChange: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const anew = useFresh();
  const csv = useCSV(list);
  const [modal, holder] = Modal.useModal();
  const move = useAct((state: CallList['state']) => request(`/call-lists/${list.id}`, { method: 'PATCH', body: { state } }), { then: anew });
  const remove = useAct(() => request(`/call-lists/${list.id}`, { method: 'DELETE' }), {
    then: () => {
      anew();
      void navigate({ to: '/calls/lists' });
    },
  });
  const sure = (what: 'close' | 'delete', go: () => void) => void modal.confirm({ title: t(`callout.${what}Ask`, { name: list.name }), content: t(`callout.${what}Hint`), okText: t(`callout.${what}`), cancelText: t('settings.cancel'), onOk: go });
  const open = list.state !== 'closed';
  const more = [
    { key: 'csv', label: t('callout.csv'), onClick: csv },
    ...(open ? [{ key: 'change', label: t('callout.change'), onClick: onChange }, { key: 'close', label: t('callout.close'), onClick: () => sure('close', () => move.mutate('closed')) }] : []),
    ...(list.state === 'running' ? [] : [{ key: 'delete', danger: true, label: t('callout.delete'), onClick: () => sure('delete', () => remove.mutate(undefined)) }]),
  ];
  return (
    <div className="page-head call-list-head">
      {holder}
      <Link to="/calls/lists" className="round" aria-label={t('callout.title')} title={t('callout.title')}>
        <Icon name="back" size={18} />
      </Link>
      <h1>{list.name}</h1>
      <ListState list={list} />
      <span className="call-list-acts">
        {open && (
          <>
            <Button onClick={onFill}>{t('callout.fill')}</Button>
            <Button type={list.state === 'running' ? 'default' : 'primary'} loading={move.isPending} icon={<Icon name={list.state === 'running' ? 'pause' : 'play'} size={15} />} onClick={() => move.mutate(list.state === 'running' ? 'paused' : 'running')}>
              {t(list.state === 'running' ? 'callout.pause' : 'callout.start')}
            </Button>
          </>
        )}
        <Dropdown trigger={['click']} placement="bottomRight" menu={{ items: more }}>
          <Button aria-label={t('callout.more')} title={t('callout.more')} icon={<Icon name="more" size={16} />} />
        </Dropdown>
      </span>
    </div>
  );
}

function About({ list }: { list: CallList }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const pause = usePause();
  const queues = useQuery(board).data?.items ?? [];
  const facts: [string, string][] = [
    ['queue', firstOf(queues.find((queue) => queue.id === list.queue)?.name, list.queue)],
    ['mode', t(`callout.modes.${list.mode}`)],
    ['purpose', t(`callout.purposes.${list.purpose}`)],
    ['attempts', String(list.attempts)],
    ...(['busy_s', 'no_answer_s', 'failed_s'] as const).map((name): [string, string] => [`pauses.${name}`, pause(list[name])]),
    ...(list.until ? [['until', dateTime(list.until)] as [string, string]] : []),
  ];
  return (
    <section className="card call-about">
      {list.note && <p className="call-about-note">{list.note}</p>}
      <Progress list={list} names />
      <dl className="call-about-facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{t(`callout.${name}`)}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** ListPage is one list of calls to make: how far it is, who is in it, and how each try went. */
export function ListPage() {
  const { t } = useTranslation();
  const { listId } = useParams({ from: '/shell/calls/lists/$listId' });
  const filter = useSearch({ from: '/shell/calls/lists/$listId' });
  const navigate = useNavigate();
  const { data: list, error, refetch } = useQuery(callList(listId));
  const [filling, setFilling] = useState(false);
  const [changing, setChanging] = useState(false);
  useChannel('queues', useFresh());
  const change = useCallback((search: EntryFilter) => void navigate({ to: '/calls/lists/$listId', params: { listId }, search, replace: true }), [navigate, listId]);
  return (
    <div className="page">
      <Title>{list?.name ?? t('callout.title')}</Title>
      {error && <Failed error={error} retry={() => void refetch()} />}
      {!list && !error && <Waiting />}
      {list && (
        <>
          <Head list={list} onFill={() => setFilling(true)} onChange={() => setChanging(true)} />
          <About list={list} />
          <Entries list={list} filter={filter} change={change} />
          {filling && <Fill list={list} onClose={() => setFilling(false)} />}
          {changing && <ListForm list={list} onClose={() => setChanging(false)} />}
        </>
      )}
    </div>
  );
}
