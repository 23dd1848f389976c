import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Button, Form, Input, Modal, Select } from 'antd';
import { useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { session } from '../api/queries';
import { contacts, kinds, type Contact, type ContactFilter, type ContactRow, type Kind } from '../contact/api';
import { ListsDialog } from '../contact/Lists';
import { IdentityText, useAct } from '../contact/words';
import { useFormat } from '../i18n/format';
import { Icon } from '../parts/Icon';
import { More } from '../parts/More';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { Title } from '../parts/Title';
import './calls.css';
import './contacts.css';
import { leads } from '../shell/roles';

function useLate(value: string, ms: number): string {
  const [late, setLate] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setLate(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return late;
}

function Filters({ filter, change }: { filter: ContactFilter; change: (part: ContactFilter) => void }) {
  const { t } = useTranslation();
  const [words, setWords] = useState(filter.q ?? '');
  const [tag, setTag] = useState(filter.tag ?? '');
  const [composing, setComposing] = useState(false);
  const q = useLate(words.trim(), 350);
  const late = useLate(tag.trim(), 350);
  useEffect(() => {
    if (!composing && (q !== (filter.q ?? '') || late !== (filter.tag ?? ''))) change({ q: q || undefined, tag: late || undefined });
  }, [q, late, composing, filter.q, filter.tag, change]);
  const writing = { onCompositionStart: () => setComposing(true), onCompositionEnd: () => setComposing(false) };
  return (
    <search className="filters card">
      <Input
        className="filter-words"
        allowClear
        prefix={<Icon name="search" size={16} />}
        aria-label={t('contacts.search')}
        placeholder={`${t('contacts.search')} (${t('contacts.searchHint')})`}
        value={words}
        onChange={(event) => setWords(event.target.value)}
        {...writing}
      />
      <Input className="filter-number" allowClear aria-label={t('contacts.tag')} placeholder={t('contacts.tag')} value={tag} onChange={(event) => setTag(event.target.value)} {...writing} />
      <Select
        className="filter-select"
        allowClear
        aria-label={t('contacts.kindOf')}
        placeholder={t('contacts.kindOf')}
        value={filter.kind}
        options={kinds.map((value) => ({ value, label: t(`contacts.kind.${value}`) }))}
        onChange={(kind?: string) => change({ kind })}
      />
      <div className="chips">
        <button type="button" className="chip" aria-pressed={!!filter.vip} onClick={() => change({ vip: filter.vip ? undefined : true })}>
          {t('contacts.vip')}
        </button>
        <button type="button" className="chip" aria-pressed={!!filter.suggested} onClick={() => change({ suggested: filter.suggested ? undefined : true })}>
          {t('contacts.suggested')}
        </button>
      </div>
    </search>
  );
}

function Row({ row }: { row: ContactRow }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  return (
    <Link to="/contacts/$contactId" params={{ contactId: String(row.id) }} className="contact-row">
      <span className="contact-name">
        <span className={row.name ? 'contact-name-text' : 'contact-name-text muted'}>{row.name || t('contacts.unnamed')}</span>
        {row.vip && <span className="tag tag-vip">{t('contacts.vip')}</span>}
        {row.suggested && <span className="tag">{t('contacts.maybeSame')}</span>}
      </span>
      <span className="contact-identities">
        {row.identities.map((identity) => (
          <IdentityText key={identity.id} identity={identity} />
        ))}
        {row.identities.length === 0 && <span className="muted">{t('contacts.noIdentity')}</span>}
      </span>
      <span className="contact-tags">
        {row.tags.map((tag) => (
          <span key={tag} className="tag">
            {tag}
          </span>
        ))}
      </span>
      <time className="muted num contact-time" dateTime={row.updated_at}>
        {dateTime(row.updated_at)}
      </time>
    </Link>
  );
}

interface NewFields {
  name?: string;
  kind: Kind;
  value?: string;
}

/** NewContact adds a person with a name and one address. */
function NewContact({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [form] = Form.useForm<NewFields>();
  const add = useAct(
    ({ name, kind, value }: NewFields) => request<Contact>('/contacts', { method: 'POST', body: { name: name ?? '', identities: value?.trim() ? [{ kind, value: value.trim() }] : [] } }),
    {
      words: t('contacts.added'),
      then: (made) => {
        onClose();
        void navigate({ to: '/contacts/$contactId', params: { contactId: String(made.id) } });
      },
    },
  );
  return (
    <Modal open title={t('contacts.new')} okText={t('contacts.add')} cancelText={t('contacts.cancel')} confirmLoading={add.isPending} onCancel={onClose} onOk={() => form.submit()} width={440}>
      <Form form={form} layout="vertical" requiredMark={false} autoComplete="off" initialValues={{ kind: 'phone' }} onFinish={(values) => add.mutate(values)}>
        <Form.Item name="name" label={t('contacts.name')}>
          <Input autoFocus maxLength={200} />
        </Form.Item>
        <Form.Item name="kind" label={t('contacts.kindOf')}>
          <Select options={kinds.filter((kind) => kind !== 'device').map((value) => ({ value, label: t(`contacts.kind.${value}`) }))} />
        </Form.Item>
        <Form.Item name="value" label={t('contacts.value')} extra={t('contacts.valueHint')}>
          <Input maxLength={320} />
        </Form.Item>
      </Form>
    </Modal>
  );
}

const none: ContactRow[] = [];

/** ContactsPage is everybody we know, the last changed first. */
export function ContactsPage() {
  const { t } = useTranslation();
  const filter = useSearch({ from: '/shell/contacts' });
  const navigate = useNavigate();
  const me = useQuery(session).data?.user;
  const [open, setOpen] = useState<'new' | 'lists' | null>(null);
  const change = useMemo(() => (part: ContactFilter) => void navigate({ to: '/contacts', search: (old) => ({ ...old, ...part }), replace: true }), [navigate]);
  const { data, error, isPending, isFetchingNextPage, hasNextPage, fetchNextPage, refetch } = useInfiniteQuery(contacts(filter));
  const items = useMemo(() => data?.pages.flatMap((page) => page.items ?? []) ?? none, [data]);
  const filtered = Object.values(filter).some(Boolean);
  const total = data?.pages[0]?.total;
  return (
    <div className="page">
      <Title>{t('contacts.title')}</Title>
      <div className="page-head">
        <h1>{t('contacts.title')}</h1>
        <span className="muted num" role="status">
          {total != null && t('contacts.total', { count: total })}
        </span>
        {filtered && (
          <button type="button" className="chip" onClick={() => void navigate({ to: '/contacts', search: {}, replace: true })}>
            <Icon name="close" size={14} />
            {t('contacts.clear')}
          </button>
        )}
        <span className="contact-actions">
          {leads(me?.role) && <Button onClick={() => setOpen('lists')}>{t('contacts.lists')}</Button>}
          <Button type="primary" onClick={() => setOpen('new')}>
            {t('contacts.new')}
          </Button>
        </span>
      </div>
      <Filters key={filtered ? 'some' : 'none'} filter={filter} change={change} />
      {error && <Failed error={error} retry={() => void refetch()} />}
      {isPending && <Waiting rows={8} />}
      {data && items.length === 0 && <Empty icon="contacts" title={t(filtered ? 'contacts.none' : 'contacts.noneYet')} hint={t(filtered ? 'contacts.noneHint' : 'contacts.noneYetHint')} />}
      {items.length > 0 && (
        <div className="card">
          <div className="contact-row contact-head" aria-hidden="true">
            <span>{t('contacts.name')}</span>
            <span>{t('contacts.identities')}</span>
            <span>{t('contacts.tags')}</span>
            <span className="contact-time">{t('ticket.changed')}</span>
          </div>
          <ul className="contact-list">
            {items.map((row) => (
              <li key={row.id}>
                <Row row={row} />
              </li>
            ))}
          </ul>
        </div>
      )}
      <More of={{ hasNextPage, isFetchingNextPage, fetchNextPage }} />
      {open === 'new' && <NewContact onClose={() => setOpen(null)} />}
      {open === 'lists' && me && <ListsDialog me={me} filter={filter} onClose={() => setOpen(null)} />}
    </div>
  );
}
