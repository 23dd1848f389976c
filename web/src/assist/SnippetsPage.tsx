import { useMutation, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Button, Checkbox, Form, Input, Modal, Popconfirm, Select } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { queueSettings, session } from '../api/queries';
import { useFormat } from '../i18n/format';
import { useSaid } from '../kb/ArticlePage';
import { languages } from '../kb/queries';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { Title } from '../parts/Title';
import { useMessage } from '../parts/messages';
import { may } from '../shell/roles';
import { snippets, type Snippet } from './data';
import { KbTabs } from './KbTabs';
import '../kb/kb.css';

interface Fields {
  shortcut: string;
  lang: 'zh' | 'en';
  title: string;
  text: string;
  own: boolean;
  queues?: string[];
}

function SnippetForm({ of, edits, leads, onClose }: { of: Partial<Snippet>; edits: boolean; leads: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const message = useMessage();
  const said = useSaid();
  const client = useQueryClient();
  const { data: queues } = useQuery({ ...queueSettings, enabled: leads });
  const [form] = Form.useForm<Fields>();
  const own = Form.useWatch<boolean | undefined>('own', form) ?? of.owner !== undefined;
  const done = async () => {
    await client.invalidateQueries({ queryKey: ['snippets'] });
    void message.success(t('settings.saved'));
    onClose();
  };
  const onError = (error: unknown) => void message.error(said(error));
  const save = useMutation({
    mutationFn: (fields: Fields) => {
      const body = { ...fields, queues: fields.own ? [] : (fields.queues ?? of.queues ?? []) };
      return of.id ? request(`/snippets/${of.id}`, { method: 'PUT', body: { ...body, version: of.version } }) : request('/snippets', { method: 'POST', body });
    },
    onSuccess: done,
    onError,
  });
  const remove = useMutation({ mutationFn: () => request(`/snippets/${of.id ?? 0}`, { method: 'DELETE' }), onSuccess: done, onError });
  return (
    <Modal
      open
      width={640}
      title={t(of.id ? 'assist.snippet.edit' : 'assist.snippet.add')}
      onCancel={onClose}
      footer={
        <div className="assist-foot">
          {of.id !== undefined && (
            <Popconfirm title={t('assist.removeAsk')} okText={t('assist.remove')} cancelText={t('settings.cancel')} onConfirm={() => remove.mutate()}>
              <Button danger>{t('assist.remove')}</Button>
            </Popconfirm>
          )}
          <span className="assist-grow" />
          <Button onClick={onClose}>{t('settings.cancel')}</Button>
          <Button type="primary" loading={save.isPending} onClick={() => form.submit()}>
            {t('settings.save')}
          </Button>
        </div>
      }
    >
      <Form
        form={form}
        layout="vertical"
        requiredMark={false}
        initialValues={{ shortcut: of.shortcut, lang: of.lang, title: of.title, text: of.text, own: of.owner !== undefined || !edits, queues: of.queues }}
        onFinish={(fields) => save.mutate({ ...fields, own: edits ? fields.own : true })}
      >
        <div className="kb-pair">
          <Form.Item name="shortcut" label={t('assist.snippet.shortcut')} rules={[{ required: true, pattern: /^\/?[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/, message: t('assist.snippet.shortcutHint') }]}>
            <Input prefix="/" maxLength={41} autoFocus spellCheck={false} />
          </Form.Item>
          <Form.Item name="lang" label={t('kb.lang')}>
            <Select options={languages.map((value) => ({ value, label: t(`kb.langs.${value}`) }))} />
          </Form.Item>
        </div>
        <Form.Item name="title" label={t('assist.snippet.title')} rules={[{ required: true, whitespace: true, message: t('assist.needed') }]}>
          <Input maxLength={100} />
        </Form.Item>
        <Form.Item name="text" label={t('assist.snippet.text')} extra={t('assist.snippet.variables', { name: '{{contact.name}}', agent: '{{agent.name}}', slot: '{{slot.order}}' })} rules={[{ required: true, whitespace: true, message: t('assist.needed') }]}>
          <Input.TextArea autoSize={{ minRows: 4, maxRows: 14 }} maxLength={4000} showCount />
        </Form.Item>
        {edits && (
          <Form.Item name="own" valuePropName="checked">
            <Checkbox>{t('assist.snippet.own')}</Checkbox>
          </Form.Item>
        )}
        {leads && !own && (
          <Form.Item name="queues" label={t('assist.queues')} extra={t('assist.queuesHint')}>
            <Select mode="multiple" allowClear options={(queues ?? []).map((queue) => ({ value: queue.id, label: queue.name ?? queue.id }))} />
          </Form.Item>
        )}
      </Form>
    </Modal>
  );
}

/** SnippetsPage lists replies to use again: everybody's and one's own. */
export function SnippetsPage() {
  const { t, i18n } = useTranslation();
  const { day, number } = useFormat();
  const { data: who } = useSuspenseQuery(session);
  const edits = may(who?.user.role, 'articles');
  const [q, setQ] = useState('');
  const [lang, setLang] = useState<string>();
  const [edited, setEdited] = useState<Partial<Snippet>>();
  const list = useQuery(snippets(q, lang, true));
  return (
    <div className="page">
      <Title>{t('assist.tab.snippets')}</Title>
      <div className="page-head">
        <h1>{t('assist.tab.snippets')}</h1>
        <Button type="primary" className="page-end" onClick={() => setEdited({ lang: i18n.language.startsWith('zh') ? 'zh' : 'en' })}>
          {t('assist.snippet.add')}
        </Button>
      </div>
      <KbTabs />
      <section className="card" aria-label={t('assist.tab.snippets')}>
        <div className="kb-filters">
          <Input.Search className="kb-find" allowClear placeholder={t('assist.snippet.find')} aria-label={t('assist.snippet.find')} maxLength={100} onSearch={setQ} />
          <Select aria-label={t('kb.lang')} allowClear placeholder={t('kb.lang')} value={lang} options={languages.map((value) => ({ value, label: t(`kb.langs.${value}`) }))} onChange={(value?: string) => setLang(value)} />
        </div>
        {list.error && <Failed error={list.error} retry={() => void list.refetch()} />}
        {list.isPending && <Waiting rows={5} />}
        {list.data?.length === 0 && <Empty icon="words" title={t('assist.snippetsNone')} hint={t('assist.snippet.hint')} />}
        <ul className="kb-list">
          {list.data?.map((one) => {
            const mine = one.owner !== undefined;
            const body = (
              <>
                <span className="kb-row-title">
                  <span>
                    <code>/{one.shortcut}</code> <strong>{one.title}</strong>
                  </span>
                  <span className="kb-row-marks">
                    <span className="tag">{t(`kb.langs.${one.lang}`)}</span>
                    {mine && <span className="tag tag-good">{t('assist.own')}</span>}
                    {one.queues.map((queue) => (
                      <span key={queue} className="tag">
                        {queue}
                      </span>
                    ))}
                  </span>
                </span>
                <span className="assist-two">{one.text}</span>
                <span className="kb-row-facts muted num">
                  <span>{t('assist.snippet.uses', { count: one.uses, n: number(one.uses) })}</span>
                  {one.used_at && <span>{t('assist.snippet.usedAt', { day: day(one.used_at) })}</span>}
                  <span>{t('kb.updated', { day: day(one.updated_at), by: one.updated_by })}</span>
                </span>
              </>
            );
            return (
              <li key={one.id}>
                {edits || mine ? (
                  <button type="button" className="kb-row assist-row" onClick={() => setEdited(one)}>
                    {body}
                  </button>
                ) : (
                  <div className="kb-row">{body}</div>
                )}
              </li>
            );
          })}
        </ul>
      </section>
      {edited && <SnippetForm of={edited} edits={edits} leads={may(who?.user.role, 'queues')} onClose={() => setEdited(undefined)} />}
    </div>
  );
}
