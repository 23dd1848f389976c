import { useQuery } from '@tanstack/react-query';
import { DatePicker, Form, Input, InputNumber, Modal, Radio, Select } from 'antd';
import dayjs, { type Dayjs } from 'dayjs';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { board } from '../api/queries';
import { useAct } from '../contact/words';
import { firstOf } from '../i18n/format';
import { changed, pauses, type CallList, type CallListSettings } from './api';
import { PauseSelect } from './pieces';
import { useFresh } from './fresh';

type Fields = Omit<CallListSettings, 'until'> & { until?: Dayjs | null };

const fresh: Partial<Fields> = { mode: 'preview', urgency: 'low', purpose: 'service', attempts: 3, busy_s: 900, no_answer_s: 7200, failed_s: 3600, preview_s: 60 };
const looks = [10, 30, 60, 120, 300, 600] as const;
const urgencies = ['low', 'normal', 'high', 'urgent'] as const;
const purposes = ['service', 'proactive', 'marketing'] as const;

/** ListForm makes a list of calls to make, or changes one. */
export function ListForm({ list, onClose, onDone }: { list?: CallList; onClose: () => void; onDone?: (list: CallList) => void }) {
  const { t } = useTranslation();
  const [form] = Form.useForm<Fields>();
  const mode = Form.useWatch('mode', form);
  const anew = useFresh();
  const queues = useQuery(board).data?.items ?? [];
  const save = useAct(
    ({ until, ...rest }: Fields) => {
      const settings: CallListSettings = { ...rest, until: until ? until.toISOString() : undefined };
      return list ? request<CallList>(`/call-lists/${list.id}`, { method: 'PATCH', body: changed(list, settings) }) : request<CallList>('/call-lists', { method: 'POST', body: settings });
    },
    {
      then: (made) => {
        anew();
        onClose();
        onDone?.(made);
      },
    },
  );
  const required = { required: true, whitespace: true, message: t('settings.required') };
  return (
    <Modal open width={640} title={t(list ? 'callout.change' : 'callout.add')} okText={t('callout.save')} cancelText={t('settings.cancel')} confirmLoading={save.isPending} onCancel={onClose} onOk={() => form.submit()}>
      <Form form={form} layout="vertical" requiredMark={false} autoComplete="off" initialValues={list ? { ...list, until: list.until ? dayjs(list.until) : undefined } : { ...fresh, queue: queues.length === 1 ? queues[0]?.id : undefined }} onFinish={(fields) => save.mutate(fields)}>
        <Form.Item name="name" label={t('callout.name')} rules={[required]}>
          <Input maxLength={200} autoFocus />
        </Form.Item>
        <Form.Item name="note" label={t('callout.note')} extra={t('callout.noteHint')}>
          <Input.TextArea maxLength={2000} autoSize={{ minRows: 2, maxRows: 6 }} />
        </Form.Item>
        <div className="call-list-pair">
          <Form.Item name="queue" label={t('callout.queue')} extra={t('callout.queueHint')} rules={[{ required: true, message: t('settings.required') }]}>
            <Select showSearch={{ optionFilterProp: 'label' }} options={queues.map((queue) => ({ value: queue.id, label: firstOf(queue.name, queue.id) }))} />
          </Form.Item>
          <Form.Item name="purpose" label={t('callout.purpose')} extra={t('callout.purposeHint')}>
            <Select options={purposes.map((value) => ({ value, label: t(`callout.purposes.${value}`) }))} />
          </Form.Item>
        </div>
        <Form.Item name="mode" label={t('callout.mode')} extra={mode && t(`callout.modeHints.${mode}`)}>
          <Radio.Group options={(['preview', 'progressive'] as const).map((value) => ({ value, label: t(`callout.modes.${value}`) }))} />
        </Form.Item>
        <div className="call-list-pair">
          {mode !== 'progressive' && (
            <Form.Item name="preview_s" label={t('callout.look')}>
              <PauseSelect options={looks} />
            </Form.Item>
          )}
          <Form.Item name="attempts" label={t('callout.attempts')}>
            <InputNumber min={1} max={20} precision={0} />
          </Form.Item>
          {(['busy_s', 'no_answer_s', 'failed_s'] as const).map((name) => (
            <Form.Item key={name} name={name} label={t(`callout.pauses.${name}`)}>
              <PauseSelect options={pauses} />
            </Form.Item>
          ))}
          <Form.Item name="urgency" label={t('callout.urgency')}>
            <Select options={urgencies.map((value) => ({ value, label: t(`queues.urgencies.${value}`) }))} />
          </Form.Item>
          <Form.Item name="until" label={t('callout.until')}>
            <DatePicker showTime={{ format: 'HH:mm' }} format="YYYY-MM-DD HH:mm" />
          </Form.Item>
          <Form.Item name="language" label={t('callout.language')}>
            <Select allowClear options={(['zh', 'en'] as const).map((value) => ({ value, label: t(`callout.languages.${value}`) }))} />
          </Form.Item>
        </div>
      </Form>
    </Modal>
  );
}
