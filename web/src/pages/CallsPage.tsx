import { useInfiniteQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { DatePicker, Input, Select, type InputRef } from 'antd';
import dayjs, { type Dayjs } from 'dayjs';
import { useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { CallSummary } from '../api/model';
import { calls, type CallFilter } from '../api/queries';
import { useFormat } from '../i18n/format';
import { ArchiveRow } from '../parts/ArchiveRow';
import { CallTabs } from '../parts/CallTabs';
import { Icon } from '../parts/Icon';
import { More } from '../parts/More';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { Title } from '../parts/Title';
import { typing } from '../shell/keys';
import { ExportButton } from '../teams/Exports';
import './calls.css';

const day = 'YYYY-MM-DD';

/** useTyped is a field's text, handed on when the typist rests for 350 ms. Input methods are let finish. */
function useTyped(value: string | undefined, commit: (text: string | undefined) => void) {
  const [text, setText] = useState(value ?? '');
  const [shown, setShown] = useState(value);
  const composing = useRef(false);
  if (shown !== value) {
    setShown(value);
    setText(value ?? '');
  }
  useEffect(() => {
    if (text === (value ?? '')) return;
    const timer = setTimeout(() => !composing.current && commit(text.trim() || undefined), 350);
    return () => clearTimeout(timer);
  }, [text, value, commit]);
  return {
    value: text,
    onChange: (event: { target: { value: string } }) => setText(event.target.value),
    onPressEnter: () => !composing.current && commit(text.trim() || undefined),
    onCompositionStart: () => (composing.current = true),
    onCompositionEnd: () => (composing.current = false),
  };
}

type Change = (part: CallFilter) => void;

function Days({ filter, change }: { filter: CallFilter; change: Change }) {
  const { t } = useTranslation();
  const picked = (value: string | undefined) => (value && dayjs(value).isValid() ? dayjs(value) : null);
  const write = (value: Dayjs | null) => value?.format(day);
  return (
    <div className="days" role="group" aria-label={t('calls.period')}>
      <DatePicker aria-label={t('calls.from')} placeholder={t('calls.from')} value={picked(filter.since)} onChange={(d: Dayjs | null) => change({ since: write(d) })} />
      <span aria-hidden="true">–</span>
      <DatePicker aria-label={t('calls.to')} placeholder={t('calls.to')} value={picked(filter.until)} onChange={(d: Dayjs | null) => change({ until: write(d) })} />
    </div>
  );
}

function QuickDays({ filter, change }: { filter: CallFilter; change: Change }) {
  const { t } = useTranslation();
  const today = dayjs();
  const spans = [
    { label: t('calls.today'), since: today.format(day), until: today.format(day) },
    { label: t('calls.yesterday'), since: today.subtract(1, 'day').format(day), until: today.subtract(1, 'day').format(day) },
    { label: t('calls.week'), since: today.subtract(6, 'day').format(day), until: today.format(day) },
  ];
  return (
    <div className="chips">
      {spans.map(({ label, since, until }) => {
        const on = filter.since === since && filter.until === until;
        return (
          <button key={label} type="button" className="chip" aria-pressed={on} onClick={() => change(on ? { since: undefined, until: undefined } : { since, until })}>
            {label}
          </button>
        );
      })}
    </div>
  );
}

function Filters({ filter, change, trunks, search }: { filter: CallFilter; change: Change; trunks: string[]; search: React.RefObject<InputRef | null> }) {
  const { t } = useTranslation();
  const words = useTyped(
    filter.q,
    useMemo(() => (q: string | undefined) => change({ q }), [change]),
  );
  const number = useTyped(
    filter.number,
    useMemo(() => (text: string | undefined) => change({ number: text }), [change]),
  );
  // On narrow screens all but the words wait behind a button, unless they are in use.
  const [open, setOpen] = useState(false);
  const used = Object.entries(filter).some(([name, value]) => name !== 'q' && value !== undefined);
  return (
    <search className={open || used ? 'filters card' : 'filters filters-shut card'}>
      <Input ref={search} className="filter-words" allowClear prefix={<Icon name="search" size={16} />} aria-label={t('calls.search')} placeholder={`${t('calls.search')} (${t('calls.searchHint')})`} {...words} />
      <button type="button" className="chip filter-toggle" aria-expanded={open || used} onClick={() => setOpen(!open)}>
        <Icon name="settings" size={15} />
        {t('calls.filters')}
      </button>
      <Input className="filter-number" allowClear aria-label={t('calls.number')} placeholder={t('calls.number')} {...number} />
      <Days filter={filter} change={change} />
      <Select
        className="filter-select"
        allowClear
        aria-label={t('calls.trunk')}
        placeholder={t('calls.trunk')}
        value={filter.trunk}
        options={trunks.map((value) => ({ value, label: value }))}
        onChange={(trunk?: string) => change({ trunk })}
      />
      <Select
        className="filter-select"
        allowClear
        aria-label={t('calls.state')}
        placeholder={t('calls.state')}
        value={filter.state}
        options={(['ringing', 'active', 'ended'] as const).map((value) => ({ value, label: t(`state.${value}`) }))}
        onChange={(state?: string) => change({ state })}
      />
      <Select
        className="filter-select"
        allowClear
        aria-label={t('mood.label')}
        placeholder={t('mood.title')}
        value={filter.mood}
        options={(['alert', 'angry', 'worse', 'better', 'read'] as const).map((value) => ({ value, label: t(`mood.filter.${value}`) }))}
        onChange={(mood?: string) => change({ mood })}
      />
      <QuickDays filter={filter} change={change} />
    </search>
  );
}

/** useTrunks remembers every trunk that was seen, so that choosing one does not empty the choice. */
function useTrunks(items: readonly CallSummary[], chosen: string | undefined): string[] {
  const seen = useRef(new Set<string>());
  return useMemo(() => {
    for (const call of items) if (call.trunk) seen.current.add(call.trunk);
    if (chosen) seen.current.add(chosen);
    return [...seen.current].sort();
  }, [items, chosen]);
}

function useListKeys(search: React.RefObject<InputRef | null>): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (typing(event)) return;
      if (event.key === '/') {
        event.preventDefault();
        search.current?.focus({ cursor: 'all' });
      }
      if (event.code !== 'KeyJ' && event.code !== 'KeyK') return;
      const rows = [...document.querySelectorAll<HTMLElement>('.archive-row')];
      const at = rows.indexOf(document.activeElement as HTMLElement);
      rows[event.code === 'KeyJ' ? Math.min(at + 1, rows.length - 1) : Math.max(at - 1, 0)]?.focus();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [search]);
}

function Rows({ items, q }: { items: CallSummary[]; q: string | undefined }) {
  const { t } = useTranslation();
  const { day: dayOf } = useFormat();
  return (
    <div className="card archive">
      <div className="archive-head" aria-hidden="true">
        <span>{t('calls.when')}</span>
        <span>{t('calls.who')}</span>
        <span>{t('calls.called')}</span>
        <span>{t('calls.length')}</span>
        <span>{t('calls.result')}</span>
        <span>{t('calls.words')}</span>
        <span>{t('calls.line')}</span>
      </div>
      <ul>
        {items.map((call, i) => {
          const before = items[i - 1];
          const fresh = !before || dayOf(before.started_at) !== dayOf(call.started_at);
          return (
            <li key={call.id}>
              {fresh && <h2 className="archive-day">{dayOf(call.started_at)}</h2>}
              <ArchiveRow call={call} q={q} />
            </li>
          );
        })}
      </ul>
    </div>
  );
}

const none: CallSummary[] = [];

/** CallsPage is the archive: filters above, calls below, newest first. */
export function CallsPage() {
  const { t } = useTranslation();
  const filter = useSearch({ from: '/shell/calls' });
  const navigate = useNavigate();
  const search = useRef<InputRef>(null);
  const change = useMemo<Change>(() => (part) => void navigate({ to: '/calls', search: (old) => ({ ...old, ...part }), replace: true }), [navigate]);
  const { data, error, isPending, isFetchingNextPage, hasNextPage, fetchNextPage, refetch } = useInfiniteQuery(calls(filter));
  const items = useMemo(() => data?.pages.flatMap((page) => page.items ?? []) ?? none, [data]);
  const trunks = useTrunks(items, filter.trunk);
  const filtered = Object.values(filter).some(Boolean);
  const total = data?.pages[0]?.total;
  useListKeys(search);

  return (
    <div className="page">
      <Title>{t('calls.title')}</Title>
      <div className="page-head">
        <h1>{t('calls.title')}</h1>
        <span className="muted num" role="status">
          {data && (total != null ? t('calls.total', { count: total }) : t('calls.shown', { count: items.length }))}
        </span>
        {filtered && (
          <button type="button" className="chip" onClick={() => void navigate({ to: '/calls', search: {}, replace: true })}>
            <Icon name="close" size={14} />
            {t('calls.clear')}
          </button>
        )}
        <span className="page-acts">
          <ExportButton noun="calls" />
        </span>
      </div>
      <CallTabs />
      <Filters filter={filter} change={change} trunks={trunks} search={search} />
      {error && <Failed error={error} retry={() => void refetch()} />}
      {isPending && <Waiting rows={8} />}
      {data && items.length === 0 && <Empty icon="calls" title={t(filtered ? 'calls.none' : 'calls.noneYet')} hint={t(filtered ? 'calls.noneHint' : 'calls.noneYetHint')} />}
      {items.length > 0 && <Rows items={items} q={filter.q} />}
      <More of={{ hasNextPage, isFetchingNextPage, fetchNextPage }} near />
      {!hasNextPage && items.length > 20 && <p className="archive-end">{t('calls.end')}</p>}
    </div>
  );
}
