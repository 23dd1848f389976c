import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, ColorPicker, Drawer, Form, Input, Popconfirm, Select, Switch } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import type { components } from '../api/openapi';
import { lost, problemKey } from '../api/problem';
import { queueSettings } from '../api/queries';
import { useNarrow } from '../call/hooks';
import { useFormat } from '../i18n/format';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { useMessage } from '../parts/messages';
import { SectionHead } from './SectionHead';

type Account = Omit<components['schemas']['ChatAccount'], 'settings'> & { settings: Record<string, unknown> };
type Both = Partial<Record<'zh-CN' | 'en', string>>;

interface Fields {
  channel: string;
  id: string;
  name: string;
  enabled: boolean;
  secret?: string;
  settings: {
    title?: Both;
    button?: Both;
    greeting?: Both;
    hours?: Both;
    questions?: Both;
    color?: string | { toHexString(): string };
    position?: string;
    theme?: string;
    origins?: string[];
    queue?: string;
    call?: string;
    call_hours?: boolean;
    call_back?: boolean;
    proof_only?: boolean;
    files?: boolean;
    letters?: boolean;
    tickets?: boolean;
    url?: string;
    private?: boolean;
    live?: boolean;
  };
}

const channels = ['web', 'webhook'] as const;
const languages = ['zh-CN', 'en'] as const;

const accounts = queryOptions({ queryKey: ['admin', 'channels'], queryFn: ({ signal }) => request<{ items: Account[] }>('/channels', { signal }).then((page) => page.items) });

/** said is a value that says something: what is empty or off is left out. */
const said = <T,>(value: T): T | undefined => (value ? value : undefined);

/** both leaves out the languages without words. */
function both(map?: Both): Both | undefined {
  const out = Object.fromEntries((Object.entries(map ?? {}) as [string, string | undefined][]).filter(([, text]) => text?.trim()));
  return Object.keys(out).length > 0 ? out : undefined;
}

const lines = (text?: string) => (text ?? '').split('\n').map((line) => line.trim()).filter(Boolean);

/** settingsOf is what the server keeps of the form; what the form does not know of stays. */
function settingsOf(fields: Fields, before: Record<string, unknown>): Record<string, unknown> {
  const s = fields.settings;
  if (fields.channel === 'webhook') return { ...before, url: said(s.url?.trim()), private: said(s.private), live: said(s.live) };
  const questions = Object.fromEntries(languages.map((l) => [l, lines(s.questions?.[l])] as const).filter(([, list]) => list.length > 0));
  return {
    ...before,
    title: both(s.title),
    button: both(s.button),
    greeting: both(s.greeting),
    hours: both(s.hours),
    questions: Object.keys(questions).length > 0 ? questions : undefined,
    color: typeof s.color === 'object' ? s.color.toHexString().slice(0, 7) : said(s.color),
    position: s.position,
    theme: s.theme,
    origins: s.origins?.length ? s.origins : undefined,
    queue: said(s.queue),
    call: said(s.call?.trim()),
    call_hours: said(s.call_hours),
    call_back: said(s.call_back),
    proof_only: said(s.proof_only),
    no_files: said(s.files === false),
    no_letters: said(s.letters === false),
    no_tickets: said(s.tickets === false),
  };
}

function fieldsOf(account: Account | null): Fields {
  const s = account?.settings ?? {};
  const questions = (s.questions ?? {}) as Partial<Record<string, string[]>>;
  return {
    channel: account?.channel ?? 'web',
    id: account?.id ?? '',
    name: account?.name ?? '',
    enabled: account?.enabled ?? true,
    settings: {
      color: '#1d5fd1',
      position: 'right',
      theme: 'auto',
      ...s,
      questions: Object.fromEntries(languages.map((l) => [l, (questions[l] ?? []).join('\n')])),
      files: !s.no_files,
      letters: !s.no_letters,
      tickets: !s.no_tickets,
    },
  };
}

/** Pair is a text in both languages. */
function Pair({ name, rows, max = 100 }: { name: 'title' | 'button' | 'greeting' | 'hours' | 'questions'; rows?: number; max?: number }) {
  const { t } = useTranslation();
  return (
    <fieldset className="channel-pair">
      <legend>{t(`channels.field.${name}`)}</legend>
      {languages.map((l) => (
        <Form.Item key={l} name={['settings', name, l]} label={t(`channels.language.${l}`)}>
          {rows ? <Input.TextArea autoSize={{ minRows: rows, maxRows: 6 }} maxLength={max} lang={l} /> : <Input maxLength={max} lang={l} />}
        </Form.Item>
      ))}
    </fieldset>
  );
}

function Switched({ name }: { name: 'call_hours' | 'call_back' | 'proof_only' | 'files' | 'letters' | 'tickets' | 'private' | 'live' }) {
  const { t } = useTranslation();
  return (
    <label className="channel-switch">
      <Form.Item name={['settings', name]} valuePropName="checked" noStyle>
        <Switch aria-label={t(`channels.field.${name}`)} />
      </Form.Item>
      <span>{t(`channels.field.${name}`)}</span>
    </label>
  );
}

function WebFields() {
  const { t } = useTranslation();
  const queues = useQuery(queueSettings).data ?? [];
  const option = (list: readonly string[], of: 'position' | 'theme') => list.map((value) => ({ value, label: t(`channels.${of}.${value}` as 'channels.position.left') }));
  return (
    <>
      <Form.Item name={['settings', 'origins']} label={t('channels.field.origins')} extra={t('channels.hint.origins')}>
        <Select mode="tags" open={false} suffix={null} tokenSeparators={[',', ' ', ';']} placeholder="https://shop.example" />
      </Form.Item>
      <h3>{t('channels.look')}</h3>
      <div className="channel-row">
        <Form.Item name={['settings', 'color']} label={t('channels.field.color')}>
          <ColorPicker disabledAlpha format="hex" showText />
        </Form.Item>
        <Form.Item name={['settings', 'position']} label={t('channels.field.position')}>
          <Select options={option(['right', 'left'], 'position')} />
        </Form.Item>
        <Form.Item name={['settings', 'theme']} label={t('channels.field.theme')}>
          <Select options={option(['auto', 'light', 'dark'], 'theme')} />
        </Form.Item>
      </div>
      <Pair name="title" max={60} />
      <Pair name="button" max={30} />
      <Pair name="greeting" rows={2} max={500} />
      <Pair name="hours" max={200} />
      <Pair name="questions" rows={2} max={1000} />
      <h3>{t('channels.offer')}</h3>
      <Form.Item name={['settings', 'queue']} label={t('channels.field.queue')} extra={t('channels.hint.queue')}>
        <Select allowClear options={queues.map((queue) => ({ value: queue.id, label: queue.name ?? queue.id }))} />
      </Form.Item>
      <Form.Item name={['settings', 'call']} label={t('channels.field.call')} extra={t('channels.hint.call')} rules={[{ pattern: /^[0-9a-z+*#_.-]{1,32}$/, message: t('channels.hint.call') }]}>
        <Input placeholder="4000" autoComplete="off" style={{ maxWidth: 220 }} />
      </Form.Item>
      <div className="channel-switches">
        <Switched name="call_hours" />
        <Switched name="call_back" />
        <Switched name="letters" />
        <Switched name="tickets" />
        <Switched name="files" />
        <Switched name="proof_only" />
      </div>
    </>
  );
}

function HookFields() {
  const { t } = useTranslation();
  return (
    <>
      <Form.Item name={['settings', 'url']} label={t('channels.field.url')} extra={t('channels.hint.url')}>
        <Input placeholder="https://crm.example/tingxin" spellCheck={false} autoComplete="off" />
      </Form.Item>
      <div className="channel-switches">
        <Switched name="live" />
        <Switched name="private" />
      </div>
    </>
  );
}

/** Snippet is what goes into the host's page, and how it looks. */
function Snippet({ id }: { id: string }) {
  const { t, i18n } = useTranslation();
  const message = useMessage();
  const [shown, setShown] = useState(false);
  const origin = window.location.origin;
  const texts = { script: `<script src="${origin}/widget.js" data-site="${id}"></script>`, frame: `<iframe src="${origin}/embed?site=${id}" allow="microphone" width="400" height="620"></iframe>` };
  const copy = (text: string) => {
    navigator.clipboard.writeText(text).then(
      () => void message.success(t('admin.copied')),
      () => void message.error(t('admin.notCopied')),
    );
  };
  return (
    <section className="channel-snippet">
      <h3>{t('channels.snippet')}</h3>
      <p className="muted">{t('channels.hint.snippet')}</p>
      {(['script', 'frame'] as const).map((kind) => (
        <div key={kind} className="channel-code">
          <code>{texts[kind]}</code>
          <Button size="small" onClick={() => copy(texts[kind])} aria-label={`${t('admin.copy')}: ${t(`channels.${kind}`)}`}>
            {t('admin.copy')}
          </Button>
        </div>
      ))}
      <Button onClick={() => setShown(!shown)} aria-expanded={shown}>
        {t('channels.preview')}
      </Button>
      {shown && <iframe className="channel-preview" title={t('channels.preview')} src={`/embed?site=${id}&lang=${i18n.language}`} />}
    </section>
  );
}

function Editor({ account, onClose }: { account: Account | null; onClose: () => void }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const narrow = useNarrow();
  const [form] = Form.useForm<Fields>();
  const channel = Form.useWatch('channel', form) as string | undefined;
  const save = useMutation({
    mutationFn: (fields: Fields) =>
      request(`/channels/${fields.channel}/${fields.id}`, {
        method: 'PUT',
        body: { name: fields.name, enabled: fields.enabled, settings: settingsOf(fields, account?.settings ?? {}), secret: said(fields.secret?.trim()) },
      }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: accounts.queryKey });
      void message.success(t('admin.saved'));
      onClose();
    },
    onError: (error) => void message.error(t(problemKey(error))),
  });
  return (
    <Drawer
      open
      title={account ? `${t(`channels.kind.${account.channel}` as 'channels.kind.web')} · ${account.id}` : t('channels.add')}
      size={narrow ? '100%' : 640}
      onClose={onClose}
      footer={
        <div className="admin-foot">
          <Button onClick={onClose}>{t('settings.cancel')}</Button>
          <Button type="primary" loading={save.isPending} onClick={() => form.submit()}>
            {t('settings.save')}
          </Button>
        </div>
      }
    >
      <Form form={form} layout="vertical" requiredMark={false} initialValues={fieldsOf(account)} onFinish={(fields) => save.mutate(fields)}>
        <div className="channel-row">
          <Form.Item name="channel" label={t('channels.field.channel')} hidden={!!account}>
            <Select options={channels.map((value) => ({ value, label: t(`channels.kind.${value}`) }))} />
          </Form.Item>
          <Form.Item name="id" label={t('channels.field.id')} hidden={!!account} extra={t('channels.hint.id')} rules={[{ required: true, pattern: /^[a-z0-9][a-z0-9_-]{0,63}$/, message: t('channels.hint.id') }]}>
            <Input autoComplete="off" spellCheck={false} />
          </Form.Item>
          <Form.Item name="name" label={t('channels.field.name')}>
            <Input maxLength={60} />
          </Form.Item>
        </div>
        <label className="channel-switch">
          <Form.Item name="enabled" valuePropName="checked" noStyle>
            <Switch aria-label={t('channels.field.enabled')} />
          </Form.Item>
          <span>{t('channels.field.enabled')}</span>
        </label>
        <Form.Item name="secret" label={t('channels.field.secret')} extra={t(account?.has_secret ? 'channels.hint.secretKept' : 'channels.hint.secret')} rules={[{ min: 16, message: t('channels.hint.secretShort') }]}>
          <Input.Password autoComplete="new-password" visibilityToggle={false} />
        </Form.Item>
        {channel === 'webhook' ? <HookFields /> : <WebFields />}
      </Form>
      {account?.channel === 'web' && <Snippet id={account.id} />}
    </Drawer>
  );
}

/** Channels are the accounts by which customers write: web pages and webhooks. */
export function Channels() {
  const { t } = useTranslation();
  const message = useMessage();
  const { dateTime } = useFormat();
  const client = useQueryClient();
  const { data, error, refetch } = useQuery(accounts);
  const [edited, setEdited] = useState<Account | 'new' | null>(null);
  const drop = useMutation({
    mutationFn: (account: Account) => request(`/channels/${account.channel}/${account.id}`, { method: 'DELETE' }),
    onSuccess: () => void message.success(t('admin.removed')),
    onError: (failure) => void message.error(t(problemKey(failure))),
    onSettled: () => client.invalidateQueries({ queryKey: accounts.queryKey }),
  });
  if (lost(error, data)) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Waiting />;
  return (
    <section>
      <SectionHead title={t('channels.title')} about={t('channels.about')}>
        <Button type="primary" onClick={() => setEdited('new')}>
          {t('channels.add')}
        </Button>
      </SectionHead>
      {data.length === 0 ? (
        <div className="card">
          <Empty icon="inbox" title={t('channels.none')} hint={t('channels.noneHint')} />
        </div>
      ) : (
        <ul className="card admin-list">
          {[...data]
            .sort((a, b) => `${a.channel}/${a.id}`.localeCompare(`${b.channel}/${b.id}`))
            .map((account) => (
              <li key={`${account.channel}/${account.id}`} className="admin-row">
                <span className="admin-name">
                  <strong>{account.name || account.id}</strong>
                </span>
                <span className="admin-cells">
                  <span className="admin-main">
                    {t(`channels.kind.${account.channel}` as 'channels.kind.web')} · {account.id}
                  </span>
                  <span className="muted">{t(account.enabled ? 'channels.on' : 'channels.off')}</span>
                  <span className="muted">{account.refused > 0 ? t('channels.refused', { n: account.refused }) : dateTime(account.updated_at)}</span>
                </span>
                <span className="admin-acts">
                  <Button size="small" onClick={() => setEdited(account)} aria-label={`${t('admin.edit')}: ${account.name || account.id}`}>
                    {t('admin.edit')}
                  </Button>
                  <Popconfirm title={t('channels.removeAsk', { name: account.name || account.id })} okText={t('admin.remove')} cancelText={t('settings.cancel')} onConfirm={() => drop.mutate(account)}>
                    <Button size="small" danger aria-label={`${t('admin.remove')}: ${account.name || account.id}`}>
                      {t('admin.remove')}
                    </Button>
                  </Popconfirm>
                </span>
              </li>
            ))}
        </ul>
      )}
      {edited && <Editor account={edited === 'new' ? null : edited} onClose={() => setEdited(null)} />}
    </section>
  );
}
