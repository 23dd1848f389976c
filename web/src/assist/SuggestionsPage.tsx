import { useMutation, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Button, Checkbox, Input, Modal, Segmented } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { session } from '../api/queries';
import { useFormat } from '../i18n/format';
import { useSaid } from '../kb/ArticlePage';
import type { Saved } from '../kb/queries';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { Title } from '../parts/Title';
import { useMessage } from '../parts/messages';
import { may } from '../shell/roles';
import { KbTabs } from './KbTabs';
import { suggestions, type Suggestion } from './learning';
import '../kb/kb.css';

const states = ['open', 'approved', 'dismissed'] as const;

function Approving({ of, onClose }: { of: Suggestion; onClose: () => void }) {
  const { t } = useTranslation();
  const message = useMessage();
  const said = useSaid();
  const client = useQueryClient();
  const adds = of.kind === 'variants' && of.article !== undefined;
  const [fresh, setFresh] = useState(!adds);
  const [texts, setTexts] = useState(of.samples.filter((text) => !text.includes('<')).join('\n'));
  const [title, setTitle] = useState(of.label);
  const [answer, setAnswer] = useState(of.draft ?? '');
  const [publish, setPublish] = useState(adds);
  const approve = useMutation({
    mutationFn: () => {
      const lines = texts.split('\n').map((line) => line.trim()).filter(Boolean).slice(0, 20);
      return request<Saved & { unpublished?: string }>(`/kb/suggestions/${of.id}/approve`, { method: 'POST', body: fresh ? { title, answer, texts: lines, publish } : { article: of.article, texts: lines, publish } });
    },
    onSuccess: async (saved) => {
      await client.invalidateQueries({ queryKey: ['kb'] });
      if (saved.unpublished) void message.warning(t('assist.learn.draftOnly'));
      else void message.success(t(saved.state === 'live' ? 'assist.learn.published' : 'assist.learn.drafted'));
      onClose();
    },
    onError: (error) => void message.error(said(error)),
  });
  return (
    <Modal open width={680} title={t(fresh ? 'assist.learn.write' : 'assist.learn.addTo', { title: of.title ?? '' })} onCancel={onClose} okText={t('assist.learn.approve')} cancelText={t('settings.cancel')} confirmLoading={approve.isPending} okButtonProps={{ disabled: fresh && (!title.trim() || !answer.trim()) }} onOk={() => approve.mutate()}>
      <div className="kb-form">
        {adds && (
          <Checkbox checked={fresh} onChange={(event) => setFresh(event.target.checked)}>
            {t('assist.learn.ratherNew')}
          </Checkbox>
        )}
        {fresh && (
          <>
            <label>
              {t('assist.learn.question')}
              <Input value={title} maxLength={200} onChange={(event) => setTitle(event.target.value)} />
            </label>
            <label>
              {t('assist.learn.answer')}
              <Input.TextArea value={answer} autoSize={{ minRows: 4, maxRows: 12 }} maxLength={20000} onChange={(event) => setAnswer(event.target.value)} />
              {of.draft && <span className="muted">{t('assist.learn.fromPeople')}</span>}
            </label>
          </>
        )}
        <label>
          {t('assist.learn.phrasings')}
          <Input.TextArea value={texts} autoSize={{ minRows: 3, maxRows: 10 }} onChange={(event) => setTexts(event.target.value)} />
        </label>
        <Checkbox checked={publish} onChange={(event) => setPublish(event.target.checked)}>
          {t('kb.publishAtOnce')}
        </Checkbox>
      </div>
    </Modal>
  );
}

function Row({ of, onApprove }: { of: Suggestion; onApprove: () => void }) {
  const { t } = useTranslation();
  const message = useMessage();
  const { number, day } = useFormat();
  const said = useSaid();
  const client = useQueryClient();
  const [open, setOpen] = useState(false);
  const dismiss = useMutation({
    mutationFn: () => request(`/kb/suggestions/${of.id}/dismiss`, { method: 'POST' }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['kb'] }),
    onError: (error) => void message.error(said(error)),
  });
  const percent = (x: number) => `${number(100 * x)}%`;
  return (
    <li className="learn-row">
      <div className="learn-main">
        <span className="kb-row-title">
          <strong>{of.label}</strong>
          <span className="kb-row-marks">
            {of.badge && <span className={`tag ${of.badge === 'rising' ? 'tag-ringing' : 'tag-good'}`}>{t(`assist.learn.badge.${of.badge}`)}</span>}
            <span className="tag">{t(`kb.langs.${of.lang}`)}</span>
          </span>
        </span>
        <span className="kb-row-facts muted num">
          <span title={t('assist.learn.impactHint')}>{t('assist.learn.impact', { n: number(of.impact, 1) })}</span>
          <span>{t('assist.learn.month', { n: number(of.month) })}</span>
          <span>{t('assist.learn.weeks', { n: number(of.week), before: number(of.week_before) })}</span>
          <span>{t('assist.learn.solved', { share: percent(of.solve_rate) })}</span>
          <span>{t('assist.learn.handed', { share: percent(of.hand_rate) })}</span>
          <span>{t('assist.learn.last', { day: day(of.last_at) })}</span>
        </span>
        <span>
          {of.kind === 'variants' && of.article ? (
            <>
              {t('assist.learn.near')}{' '}
              <Link to="/kb/$articleId" params={{ articleId: String(of.article) }}>
                {of.title}
              </Link>
            </>
          ) : of.state === 'approved' && of.article ? (
            <Link to="/kb/$articleId" params={{ articleId: String(of.article) }}>
              {of.title}
            </Link>
          ) : (
            <span className="muted">{t(of.draft ? 'assist.learn.hasDraft' : 'assist.learn.noDraft')}</span>
          )}
        </span>
        {of.samples.length > 0 && (
          <button type="button" className="assist-link" aria-expanded={open} onClick={() => setOpen(!open)}>
            {t('assist.learn.samples', { count: of.samples.length })}
          </button>
        )}
        {open && (
          <ul className="learn-samples">
            {of.samples.map((text) => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        )}
      </div>
      {of.state === 'open' ? (
        <span className="learn-acts">
          <Button type="primary" size="small" onClick={onApprove}>
            {t(of.kind === 'variants' ? 'assist.learn.add' : 'assist.learn.new')}
          </Button>
          <Button size="small" loading={dismiss.isPending} onClick={() => dismiss.mutate()}>
            {t('assist.learn.dismiss')}
          </Button>
        </span>
      ) : (
        <span className="muted num">{of.decided_at && `${day(of.decided_at)}, ${of.decided_by ?? ''}`}</span>
      )}
    </li>
  );
}

/** SuggestionsPage: what customers ask again and again, and what to do about it. */
export function SuggestionsPage() {
  const { t } = useTranslation();
  const message = useMessage();
  const said = useSaid();
  const { data: who } = useSuspenseQuery(session);
  const edits = may(who?.user.role, 'articles');
  const [state, setState] = useState<(typeof states)[number]>('open');
  const [approving, setApproving] = useState<Suggestion>();
  const list = useQuery({ ...suggestions(state), enabled: edits });
  const learn = useMutation({ mutationFn: () => request('/kb/learn', { method: 'POST' }), onSuccess: () => void message.success(t('assist.learn.begun')), onError: (error) => void message.error(said(error)) });
  return (
    <div className="page">
      <Title>{t('assist.tab.suggestions')}</Title>
      <div className="page-head">
        <h1>{t('assist.tab.suggestions')}</h1>
        {edits && (
          <span className="kb-actions">
            <Segmented aria-label={t('kb.state')} value={state} options={states.map((value) => ({ value, label: t(`assist.learn.state.${value}`) }))} onChange={setState} />
            <Button loading={learn.isPending} onClick={() => learn.mutate()}>
              {t('assist.learn.now')}
            </Button>
          </span>
        )}
      </div>
      <KbTabs />
      {!edits && <Empty icon="lock" title={t('kb.forbidden')} />}
      {edits && (
        <section className="card" aria-label={t('assist.tab.suggestions')}>
          {list.error && <Failed error={list.error} retry={() => void list.refetch()} />}
          {list.isPending && <Waiting rows={5} />}
          {list.data?.length === 0 && <Empty icon="chart" title={t('assist.learn.none')} hint={t('assist.learn.noneHint')} />}
          <ul className="kb-list">{list.data?.map((one) => <Row key={one.id} of={one} onApprove={() => setApproving(one)} />)}</ul>
        </section>
      )}
      {approving && <Approving of={approving} onClose={() => setApproving(undefined)} />}
    </div>
  );
}
