import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Form, Input } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { Problem, problemKey } from '../api/problem';
import { session } from '../api/queries';
import { useFormat } from '../i18n/format';
import { Failed, Waiting } from '../parts/Notice';
import { useMessage } from '../parts/messages';
import { factor, type FactorSecret, type FactorState, type RecoveryCodes } from './api';
import { Once } from './Once';

/** sentence is the locale key for what went wrong with a password or a code. */
function sentence(error: unknown): string {
  if (error instanceof Problem && error.status === 422) return error.locations.includes('body.code') ? 'guard.wrongCode' : 'guard.wrongPassword';
  if (error instanceof Problem && error.status === 429) return 'login.locked';
  return problemKey(error);
}

/** Ask is a field and a button. */
function Ask({ name, label, hint, act, pending, danger, onSend, error }: { name: 'password' | 'code'; label: string; hint?: string; act: string; pending: boolean; danger?: boolean; onSend: (value: string) => void; error: unknown }) {
  const { t } = useTranslation();
  return (
    <Form layout="vertical" requiredMark={false} onFinish={(values: Record<string, string>) => onSend(values[name] ?? '')}>
      <Form.Item name={name} label={label} extra={hint} validateStatus={error ? 'error' : undefined} help={error ? t(sentence(error)) : undefined} rules={[{ required: true, message: t('settings.required') }]}>
        {name === 'password' ? <Input.Password autoComplete="current-password" /> : <Input autoComplete="one-time-code" inputMode="text" maxLength={40} autoFocus />}
      </Form.Item>
      <Button type="primary" htmlType="submit" danger={danger} loading={pending}>
        {act}
      </Button>
    </Form>
  );
}

/** Enrol leads from the password over the picture to the first code. */
export function Enrol({ outside, onDone }: { outside: boolean; onDone: (codes: string[]) => void }) {
  const { t } = useTranslation();
  const begin = useMutation({ mutationFn: (password: string) => request<FactorSecret>('/session/second-factor', { method: 'POST', body: { password } }) });
  const confirm = useMutation({
    mutationFn: (code: string) => request<RecoveryCodes>('/session/second-factor/confirm', { method: 'POST', body: { code } }),
    onSuccess: ({ codes }) => onDone(codes),
  });
  const made = begin.data;
  if (!made) {
    if (outside)
      return (
        <Button type="primary" loading={begin.isPending} onClick={() => begin.mutate('')}>
          {t('guard.begin')}
        </Button>
      );
    return <Ask name="password" label={t('settings.old')} act={t('guard.begin')} pending={begin.isPending} onSend={(v) => begin.mutate(v)} error={begin.error} />;
  }
  return (
    <div className="guard-enrol">
      <ol>
        <li>{t('guard.scan')}</li>
        <li>{t('guard.typeCode')}</li>
      </ol>
      <img src={made.picture} alt={t('guard.picture')} width={220} height={220} />
      <p className="muted">
        {t('guard.byHand')} <code>{made.secret}</code>
      </p>
      <Ask name="code" label={t('guard.code')} act={t('guard.confirm')} pending={confirm.isPending} onSend={(v) => confirm.mutate(v)} error={confirm.error} />
    </div>
  );
}

function On({ state }: { state: FactorState }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const message = useMessage();
  const client = useQueryClient();
  const [open, setOpen] = useState<'paper' | 'remove' | null>(null);
  const [codes, setCodes] = useState<string[] | null>(null);
  const again = () => client.invalidateQueries({ queryKey: factor.queryKey });
  const paper = useMutation({
    mutationFn: (code: string) => request<RecoveryCodes>('/session/recovery-codes', { method: 'POST', body: { code } }),
    onSuccess: async (found) => {
      setOpen(null);
      setCodes(found.codes);
      await again();
    },
  });
  const remove = useMutation({
    mutationFn: (password: string) => request('/session/second-factor', { method: 'DELETE', body: { password } }),
    onSuccess: async () => {
      setOpen(null);
      void message.success(t('guard.removed'));
      await again();
    },
  });
  return (
    <>
      <p>
        <span className="tag tag-good">{t('guard.on')}</span> {state.since && <span className="muted">{t('guard.since', { time: dateTime(state.since) })}</span>}
      </p>
      <p className={state.recovery < 3 ? 'guard-warn' : 'muted'}>{t('guard.recoveryLeft', { count: state.recovery })}</p>
      <div className="guard-acts">
        <Button onClick={() => setOpen(open === 'paper' ? null : 'paper')} aria-expanded={open === 'paper'}>
          {t('guard.newCodes')}
        </Button>
        {!state.required && (
          <Button danger onClick={() => setOpen(open === 'remove' ? null : 'remove')} aria-expanded={open === 'remove'}>
            {t('guard.remove')}
          </Button>
        )}
      </div>
      {open === 'paper' && <Ask name="code" label={t('guard.code')} act={t('guard.newCodes')} pending={paper.isPending} onSend={(v) => paper.mutate(v)} error={paper.error} />}
      {open === 'remove' && <Ask name="password" label={t('settings.old')} act={t('guard.remove')} danger pending={remove.isPending} onSend={(v) => remove.mutate(v)} error={remove.error} />}
      {codes && <Once title={t('guard.codes')} words={t('guard.codesOnce')} text={codes.join('\n')} onClose={() => setCodes(null)} />}
    </>
  );
}

/** Factor is one's own second factor. */
export function Factor({ outside }: { outside: boolean }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { data, error, refetch } = useQuery(factor);
  const [codes, setCodes] = useState<string[] | null>(null);
  return (
    <section className="card guard-card guard-form">
      <h2>{t('guard.factor')}</h2>
      <p className="muted">{t('guard.factorHint')}</p>
      {error && <Failed error={error} retry={() => void refetch()} />}
      {!data && !error && <Waiting rows={2} />}
      {data?.on && <On state={data} />}
      {data && !data.on && (data.unavailable ? <p className="muted">{t('guard.unavailable')}</p> : <Enrol outside={outside} onDone={setCodes} />)}
      {codes && (
        <Once
          title={t('guard.codes')}
          words={t('guard.codesOnce')}
          text={codes.join('\n')}
          onClose={() => {
            setCodes(null);
            void client.invalidateQueries({ queryKey: factor.queryKey });
            void client.invalidateQueries({ queryKey: session.queryKey });
          }}
        />
      )}
    </section>
  );
}
