import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Checkbox, Form, Input, Modal, Segmented, Select } from 'antd';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { callbacks } from '../api/line';
import { useQueueName } from '../api/queues';
import { CsvImport } from '../contact/CsvImport';
import { useAct } from '../contact/words';
import { clock, useFormat } from '../i18n/format';
import { Failed, Waiting } from '../parts/Notice';
import { useMessage } from '../parts/messages';
import '../pages/contacts.css';
import { missed, type Added, type CallList, type ImportReport } from './api';
import { useFresh } from './fresh';

/** useFill puts people into a list and says how many. */
function useFill(list: CallList, onClose: () => void) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const anew = useFresh();
  return useAct((body: object) => request<Added>(`/call-lists/${list.id}/entries`, { method: 'POST', body }), {
    then: ({ added, there }) => {
      void message.success(t('callout.filled', { added, there }));
      anew();
      void client.invalidateQueries({ queryKey: ['queues'] });
      onClose();
    },
  });
}

interface Way {
  list: CallList;
  onClose: () => void;
}

interface One {
  number: string;
  name?: string;
  note?: string;
}

function AddOne({ list, onClose }: Way) {
  const { t } = useTranslation();
  const [form] = Form.useForm<One>();
  const fill = useFill(list, onClose);
  return (
    <Form form={form} layout="vertical" requiredMark={false} autoComplete="off" onFinish={(person) => fill.mutate({ people: [person] })}>
      <Form.Item name="number" label={t('callout.number')} rules={[{ required: true, whitespace: true, message: t('settings.required') }, { pattern: /^\+?[0-9 ().-]{3,30}$/, message: t('callout.numberHint') }]}>
        <Input maxLength={32} inputMode="tel" />
      </Form.Item>
      <Form.Item name="name" label={t('callout.personName')}>
        <Input maxLength={200} />
      </Form.Item>
      <Form.Item name="note" label={t('callout.why')}>
        <Input.TextArea maxLength={1000} autoSize={{ minRows: 2, maxRows: 5 }} />
      </Form.Item>
      <Button type="primary" htmlType="submit" loading={fill.isPending}>
        {t('callout.putIn')}
      </Button>
    </Form>
  );
}

function FromFile({ list }: Way) {
  const { t } = useTranslation();
  const message = useMessage();
  const anew = useFresh();
  return (
    <CsvImport<ImportReport>
      path={`/call-lists/${list.id}/import`}
      hint={t('callout.fileHint')}
      place={({ row }) => t('callout.row', { row })}
      done={({ added, there }) => {
        anew();
        void message.success(t('callout.filled', { added, there }));
      }}
      summary={(report) => (
        <>
          <p className="num">{t('callout.report', { rows: report.rows, added: report.added, there: report.there, failed: report.failed })}</p>
          {report.fields.length > 0 && <p className="muted">{t('callout.fields', { columns: report.fields.join(', ') })}</p>}
        </>
      )}
    />
  );
}

/** Choice is a list of people of whom some are chosen. */
function Choice<T>({ items, id, line, none, put, pending }: { items: readonly T[]; id: (item: T) => string; line: (item: T) => ReactNode; none: string; put: (ids: string[]) => void; pending: boolean }) {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const there = items.map(id);
  const on = chosen.filter((one) => there.includes(one));
  if (items.length === 0) return <p className="muted">{none}</p>;
  return (
    <>
      <Checkbox checked={on.length === there.length} indeterminate={on.length > 0 && on.length < there.length} onChange={() => setChosen(on.length === there.length ? [] : there)}>
        {t('callout.all', { count: there.length })}
      </Checkbox>
      <ul className="call-choice">
        {items.map((item) => (
          <li key={id(item)}>
            <Checkbox checked={on.includes(id(item))} onChange={(event) => setChosen(event.target.checked ? [...on, id(item)] : on.filter((one) => one !== id(item)))}>
              <span className="call-choice-line">{line(item)}</span>
            </Checkbox>
          </li>
        ))}
      </ul>
      <Button type="primary" disabled={on.length === 0} loading={pending} onClick={() => put(on)}>
        {t('callout.putInCount', { count: on.length })}
      </Button>
    </>
  );
}

const days = [1, 3, 7, 14, 30] as const;

function FromMissed({ list, onClose }: Way) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const [span, setSpan] = useState<number>(7);
  const { data, error, isPending, refetch } = useQuery(missed(list.queue, span));
  const fill = useFill(list, onClose);
  return (
    <>
      <p className="muted">{t('callout.missedHint')}</p>
      <Select className="call-span" aria-label={t('callout.span')} value={span} options={days.map((value) => ({ value, label: t('callout.days', { count: value }) }))} onChange={setSpan} />
      {error && <Failed error={error} retry={() => void refetch()} />}
      {isPending && <Waiting rows={4} />}
      {data && (
        <Choice
          items={data}
          id={(one) => one.id}
          none={t('callout.noMissed')}
          pending={fill.isPending}
          put={(calls) => fill.mutate({ calls })}
          line={(one) => (
            <>
              <strong className="num">{one.number}</strong>
              {one.contact_name && <span>{one.contact_name}</span>}
              <span className="muted num">{dateTime(one.started_at)}</span>
              {one.calls > 1 && <span className="muted">{t('callout.times', { count: one.calls })}</span>}
            </>
          )}
        />
      )}
    </>
  );
}

function FromCallbacks({ list, onClose }: Way) {
  const { t } = useTranslation();
  const { data, error, isPending, refetch } = useQuery(callbacks);
  const queueName = useQueueName();
  const fill = useFill(list, onClose);
  const waiting = data?.filter((place) => place.phase === 'waiting');
  return (
    <>
      <p className="muted">{t('callout.callbacksHint')}</p>
      {error && <Failed error={error} retry={() => void refetch()} />}
      {isPending && <Waiting rows={4} />}
      {waiting && (
        <Choice
          items={waiting}
          id={(place) => place.id}
          none={t('callout.noCallbacks')}
          pending={fill.isPending}
          put={(ids) => fill.mutate({ callbacks: ids })}
          line={(place) => (
            <>
              <strong className="num">{place.number}</strong>
              <span className="tag">{queueName(place.queue)}</span>
              <span className="muted num">{t('callwork.waited', { time: clock(Date.now() - Date.parse(place.since)) })}</span>
            </>
          )}
        />
      )}
    </>
  );
}

const ways = { file: FromFile, missed: FromMissed, callbacks: FromCallbacks, one: AddOne };
const names = ['file', 'missed', 'callbacks', 'one'] as const;

/** Fill puts people into a list: from a file, from missed calls, from call-backs, or one. */
export function Fill({ list, onClose }: Way) {
  const { t } = useTranslation();
  const [way, setWay] = useState<keyof typeof ways>('file');
  const Chosen = ways[way];
  return (
    <Modal open width={620} title={t('callout.fill')} footer={null} onCancel={onClose}>
      <div className="call-fill">
        <Segmented block aria-label={t('callout.fill')} value={way} options={names.map((value) => ({ value, label: t(`callout.ways.${value}`) }))} onChange={setWay} />
        <Chosen list={list} onClose={onClose} />
      </div>
    </Modal>
  );
}
