import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Drawer, Form, Input, Popconfirm, type FormInstance } from 'antd';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { lost, Problem, problemKey, type Fault } from '../api/problem';
import { useNarrow } from '../call/hooks';
import { useFormat } from '../i18n/format';
import { type IconName } from '../parts/Icon';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { useMessage } from '../parts/messages';
import { Faults, show, useFaults } from './faults';
import { check, publish, put, remove, settings, versions, type Docs, type Kind, type Setting, type Versioned } from './kinds';
import { SectionHead } from './SectionHead';

/** What a kind shows and asks for. F is its form: mostly the document itself. */
export interface Sheet<K extends Kind, F extends object> {
  kind: K;
  icon: IconName;
  /** The columns after the name. */
  cells: (setting: Setting<Docs[K]>) => ReactNode;
  fields: (at: { form: FormInstance<F>; secrets: string[]; name: string }) => ReactNode;
  toForm: (doc: Docs[K] | null) => F;
  toDoc: (form: F, was: Docs[K] | null) => Docs[K];
  /** More for a row, such as a button to listen. */
  more?: (setting: Setting<Docs[K]>) => ReactNode;
  /** The order of the list; by name when not given. */
  order?: (a: Setting<Docs[K]>, b: Setting<Docs[K]>) => number;
  /** The form needs room. */
  wide?: boolean;
  /** Mistakes are told while somebody writes. */
  check?: boolean;
}

/** Restart says that a change of the kind waits for a restart. */
export function Restart({ restart, pending }: { restart: boolean; pending: boolean }) {
  const { t } = useTranslation();
  if (pending) return <Alert type="warning" showIcon title={t('admin.pending')} className="admin-note" />;
  if (restart) return <Alert type="info" showIcon title={t('admin.restart')} className="admin-note" />;
  return null;
}

/** History lists the versions, and takes an older one back. */
export function History({ kind, name, onBack }: { kind: Versioned; name: string; onBack?: () => void }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const message = useMessage();
  const client = useQueryClient();
  const { data } = useQuery(versions(kind, name));
  const back = useMutation({
    mutationFn: (version: number) => publish(kind, name, version),
    onSuccess: async () => {
      await Promise.all([client.invalidateQueries({ queryKey: ['admin'] }), client.invalidateQueries({ queryKey: ['queues'] })]);
      void message.success(t('admin.rolledBack'));
      onBack?.();
    },
    onError: (error) => void message.error(t(problemKey(error))),
  });
  if (!data) return null;
  return (
    <section className="admin-history">
      <h3>{t('admin.versions')}</h3>
      <ol>
        {data.map((v) => (
          <li key={v.version}>
            <span className="num">{t('admin.version', { version: v.version })}</span>
            {v.version === v.live && <span className="tag tag-good">{t('admin.live')}</span>}
            <span className="muted">
              {v.author} · {v.at && dateTime(v.at)}
            </span>
            {v.version !== v.live && (
              <Button size="small" loading={back.isPending} onClick={() => back.mutate(v.version)}>
                {t('admin.useThis')}
              </Button>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}

function Editor<K extends Kind, F extends object>({ sheet, edited, onClose }: { sheet: Sheet<K, F>; edited: Setting<Docs[K]> | null; onClose: () => void }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const narrow = useNarrow();
  const say = useFaults();
  const [form] = Form.useForm<F & { name: string }>();
  const [faults, setFaults] = useState<Fault[]>([]);
  const readOnly = edited?.source === 'file';
  const late = useRef(0);
  const look = useRef<AbortController>(undefined);
  const quit = () => {
    window.clearTimeout(late.current);
    look.current?.abort();
  };
  useEffect(() => quit, []);
  /** live asks what is wrong a moment after the last change. */
  const live = () => {
    quit();
    late.current = window.setTimeout(() => {
      const { name, ...fields } = form.getFieldsValue(true) as F & { name?: string };
      look.current = new AbortController();
      check(sheet.kind, edited?.name ?? name ?? 'new', sheet.toDoc(fields as unknown as F, edited?.doc ?? null), look.current.signal).then(
        () => {
          setFaults([]);
          form.setFields(form.getFieldsError().map(({ name: place }) => ({ name: place, errors: [] })) as unknown as Parameters<typeof form.setFields>[0]);
        },
        (error: unknown) => {
          if (error instanceof Problem) setFaults(show(form, error, say, false));
        },
      );
    }, 700);
  };
  const save = useMutation({
    mutationFn: ({ name, ...fields }: F & { name: string }) => put(sheet.kind, edited?.name ?? name, { doc: sheet.toDoc(fields as unknown as F, edited?.doc ?? null), version: edited?.newest }),
    onMutate: () => {
      quit();
      setFaults([]);
    },
    onSuccess: async (done) => {
      await client.invalidateQueries({ queryKey: ['admin'] });
      void message.success(t(done.restart && done.did !== 'same' ? 'admin.savedRestart' : 'admin.saved'));
      onClose();
    },
    onError: (error) => setFaults(show(form, error, say)),
  });
  const title = readOnly ? t('admin.look', { name: edited.name }) : edited ? t('admin.edit', { name: edited.name }) : t(`admin.add.${sheet.kind}`);
  return (
    <Drawer
      open
      title={title}
      size={narrow ? '100%' : sheet.wide ? 820 : 560}
      onClose={onClose}
      footer={
        <div className="admin-foot">
          <Button onClick={onClose}>{t(readOnly ? 'admin.close' : 'settings.cancel')}</Button>
          {!readOnly && (
            <Button type="primary" loading={save.isPending} onClick={() => form.submit()}>
              {t('settings.save')}
            </Button>
          )}
        </div>
      }
    >
      {readOnly && <Alert type="info" showIcon title={t('admin.fromFile')} className="admin-note" />}
      <Faults faults={faults} error={save.error} />
      <Form form={form} layout="vertical" requiredMark={false} disabled={readOnly} initialValues={{ name: edited?.name, ...sheet.toForm(edited?.doc ?? null) }} onFinish={(fields) => save.mutate(fields)} onValuesChange={sheet.check && !readOnly ? live : undefined}>
        <Form.Item name="name" label={t('admin.name')} extra={edited ? undefined : t('admin.nameHint')} rules={[{ required: true, pattern: /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, message: t('admin.nameHint') }]}>
          <Input disabled={edited !== null} autoFocus={edited === null} spellCheck={false} autoComplete="off" />
        </Form.Item>
        {sheet.fields({ form: form as unknown as FormInstance<F>, secrets: edited?.secrets ?? [], name: edited?.name ?? '' })}
      </Form>
      {edited && !readOnly && <History kind={sheet.kind} name={edited.name} />}
    </Drawer>
  );
}

/** Remove takes a thing away after a question. */
export function Remove({ kind, name }: { kind: Kind; name: string }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const say = useFaults();
  const drop = useMutation({
    mutationFn: () => remove(kind, name),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['admin'] });
      void message.success(t('admin.removed'));
    },
    onError: (error) => {
      const faults = 'faults' in error ? (error.faults as Fault[]) : [];
      void message.error(faults.length > 0 ? faults.map(say).join(' ') : t(problemKey(error)), 6);
    },
  });
  return (
    <Popconfirm title={t('admin.removeAsk', { name })} okText={t('admin.remove')} cancelText={t('settings.cancel')} onConfirm={() => drop.mutate()}>
      <Button size="small" danger loading={drop.isPending} aria-label={`${t('admin.remove')}: ${name}`}>
        {t('admin.remove')}
      </Button>
    </Popconfirm>
  );
}

/** SettingList is all of a kind, with a form for each. */
export function SettingList<K extends Kind, F extends object>({ sheet }: { sheet: Sheet<K, F> }) {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(settings(sheet.kind));
  const [edited, setEdited] = useState<Setting<Docs[K]> | 'new' | null>(null);
  if (lost(error, data)) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Waiting />;
  return (
    <section>
      <SectionHead title={t(`admin.sections.${sheet.kind}`)} about={t(`admin.about.${sheet.kind}`)}>
        <Button type="primary" onClick={() => setEdited('new')}>
          {t(`admin.add.${sheet.kind}`)}
        </Button>
      </SectionHead>
      <Restart restart={data.restart} pending={data.pending} />
      {data.items.length === 0 ? (
        <div className="card">
          <Empty icon={sheet.icon} title={t(`admin.none.${sheet.kind}`)} hint={t(`admin.about.${sheet.kind}`)} />
        </div>
      ) : (
        <ul className="card admin-list">
          {(sheet.order ? [...data.items].sort(sheet.order) : data.items).map((item) => (
            <li key={item.source + item.name} className="admin-row">
              <span className="admin-name">
                <strong>{item.name}</strong>
                {item.source === 'file' && <span className="tag">{t('admin.file')}</span>}
              </span>
              <span className="admin-cells">{sheet.cells(item)}</span>
              <span className="admin-acts">
                {sheet.more?.(item)}
                <Button size="small" onClick={() => setEdited(item)} aria-label={`${t(item.source === 'file' ? 'admin.view' : 'settings.edit')}: ${item.name}`}>
                  {t(item.source === 'file' ? 'admin.view' : 'settings.edit')}
                </Button>
                {item.source === 'stored' && <Remove kind={sheet.kind} name={item.name} />}
              </span>
            </li>
          ))}
        </ul>
      )}
      {edited && <Editor sheet={sheet} edited={edited === 'new' ? null : edited} onClose={() => setEdited(null)} />}
    </section>
  );
}
