import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Drawer, Form, Input, Popconfirm, Select, Upload } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { lost, Problem, problemKey } from '../api/problem';
import { useNarrow } from '../call/hooks';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { useMessage } from '../parts/messages';
import { hours, type Calendar } from './kinds';
import { History } from './SettingList';
import { dayForm, readDay, readSpans, weekdays, writeSpans, type DayForm } from './spans';
import { SectionHead } from './SectionHead';

interface HoursForm {
  name: string;
  zone: string;
  week: Partial<Record<(typeof weekdays)[number], string>>;
  days: DayForm[];
}

const zones = Intl.supportedValuesOf('timeZone').map((value) => ({ value, label: value }));

function calendarOf(form: HoursForm): Calendar {
  return {
    name: form.name,
    zone: form.zone,
    week: Object.fromEntries(weekdays.map((day) => [day, readSpans(form.week[day] ?? '') ?? []])),
    days: form.days.map(readDay).sort((a, b) => a.date.localeCompare(b.date)),
  };
}

function formOf(calendar: Calendar | null): HoursForm {
  const office = '09:00-12:00, 13:30-18:00';
  const week = calendar ? calendar.week : null;
  return {
    name: calendar?.name ?? '',
    zone: calendar?.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    week: Object.fromEntries(weekdays.map((day, i) => [day, week ? writeSpans(week[day]) : i < 5 ? office : ''])),
    days: (calendar?.days ?? []).map(dayForm),
  };
}

function Days() {
  const { t } = useTranslation();
  const kinds = [
    { value: 'closed', label: t('admin.day.closed') },
    { value: 'spans', label: t('admin.day.spans') },
    ...weekdays.map((value) => ({ value, label: t('admin.day.as', { day: t(`admin.weekday.${value}`) }) })),
  ];
  return (
    <Form.List name="days">
      {(rows, { add, remove }) => (
        <div className="admin-days">
          {rows.length === 0 && <p className="muted">{t('admin.noDays')}</p>}
          {rows.map(({ key, name }) => (
            <div key={key} className="admin-day">
              <Form.Item name={[name, 'date']} rules={[{ required: true, pattern: /^\d{4}-\d{2}-\d{2}$/, message: t('admin.hint.date') }]}>
                <Input type="date" aria-label={t('admin.field.date')} />
              </Form.Item>
              <Form.Item name={[name, 'kind']}>
                <Select options={kinds} aria-label={t('admin.field.dayKind')} />
              </Form.Item>
              <Form.Item noStyle shouldUpdate>
                {({ getFieldValue }) =>
                  getFieldValue(['days', name, 'kind']) === 'spans' ? (
                    <Form.Item name={[name, 'spans']} rules={[{ validator: spansRule(t('admin.hint.spans')) }]}>
                      <Input placeholder="09:00-13:00" aria-label={t('admin.field.spans')} />
                    </Form.Item>
                  ) : (
                    <Form.Item name={[name, 'name']}>
                      <Input placeholder={t('admin.field.dayName')} aria-label={t('admin.field.dayName')} maxLength={60} />
                    </Form.Item>
                  )
                }
              </Form.Item>
              <Button danger onClick={() => remove(name)} aria-label={t('admin.removeDay')}>
                ×
              </Button>
            </div>
          ))}
          <Button onClick={() => add({ date: '', kind: 'closed' })}>{t('admin.addDay')}</Button>
        </div>
      )}
    </Form.List>
  );
}

const spansRule = (message: string) => (_: unknown, value?: string) => (readSpans(value ?? '') ? Promise.resolve() : Promise.reject(new Error(message)));

function HoursEditor({ calendar, onClose }: { calendar: Calendar | null; onClose: () => void }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const narrow = useNarrow();
  const [form] = Form.useForm<HoursForm>();
  const done = () => Promise.all([client.invalidateQueries({ queryKey: ['queues'] }), client.invalidateQueries({ queryKey: ['admin', 'calendars'] })]);
  const save = useMutation({
    mutationFn: (fields: HoursForm) => request(`/calendars/${encodeURIComponent(fields.name)}`, { method: 'PUT', body: calendarOf(fields) }),
    onSuccess: async () => {
      await done();
      void message.success(t('admin.saved'));
      onClose();
    },
    onError: (error) => void message.error(error instanceof Problem && error.status === 422 ? error.detail : t(problemKey(error)), 6),
  });
  const take = useMutation({
    mutationFn: async (file: File) => request<{ added: number; kept: number; skipped: number }>(`/calendars/${encodeURIComponent(calendar?.name ?? '')}/holidays`, { method: 'POST', body: { ical: await file.text() } }),
    onSuccess: async (found) => {
      await done();
      void message.success(t('admin.imported', { added: found.added, kept: found.kept, skipped: found.skipped }), 6);
      onClose();
    },
    onError: (error) => void message.error(error instanceof Problem && error.status === 422 ? error.detail : t(problemKey(error)), 6),
  });
  return (
    <Drawer
      open
      title={calendar ? t('admin.edit', { name: calendar.name }) : t('admin.add.hours')}
      size={narrow ? '100%' : 600}
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
      <Form form={form} layout="vertical" requiredMark={false} initialValues={formOf(calendar)} onFinish={(fields) => save.mutate(fields)}>
        <div className="admin-pair">
          <Form.Item name="name" label={t('admin.name')} extra={calendar ? undefined : t('setup.idHint')} rules={[{ required: true, pattern: /^[a-z0-9][a-z0-9_-]{0,63}$/, message: t('setup.idHint') }]}>
            <Input disabled={calendar !== null} autoFocus={calendar === null} spellCheck={false} />
          </Form.Item>
          <Form.Item name="zone" label={t('admin.field.zone')} rules={[{ required: true, message: t('settings.required') }]}>
            <Select showSearch options={zones} />
          </Form.Item>
        </div>
        <h3 className="admin-sub">{t('admin.week')}</h3>
        <p className="muted admin-hint">{t('admin.hint.spans')}</p>
        {weekdays.map((day) => (
          <Form.Item key={day} name={['week', day]} label={t(`admin.weekday.${day}`)} layout="horizontal" className="admin-weekday" colon={false} rules={[{ validator: spansRule(t('admin.hint.spans')) }]}>
            <Input placeholder={t('admin.day.closed')} spellCheck={false} />
          </Form.Item>
        ))}
        <h3 className="admin-sub">{t('admin.days')}</h3>
        <p className="muted admin-hint">{t('admin.hint.days')}</p>
        <Days />
      </Form>
      {calendar && (
        <div className="admin-import">
          <Upload
            accept=".ics,text/calendar"
            showUploadList={false}
            beforeUpload={(file) => {
              take.mutate(file);
              return false;
            }}
          >
            <Button loading={take.isPending}>{t('admin.importIcal')}</Button>
          </Upload>
          <span className="muted">{t('admin.hint.ical')}</span>
        </div>
      )}
      {calendar && <History kind="calendars" name={calendar.name} onBack={onClose} />}
    </Drawer>
  );
}

function RemoveHours({ name }: { name: string }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const drop = useMutation({
    mutationFn: () => request(`/calendars/${encodeURIComponent(name)}`, { method: 'DELETE' }),
    onSuccess: () => void message.success(t('admin.removed')),
    onError: (error) => void message.error(t(error instanceof Problem && error.status === 409 ? 'admin.hoursInUse' : problemKey(error))),
    onSettled: () => client.invalidateQueries({ queryKey: ['queues'] }),
  });
  return (
    <Popconfirm title={t('admin.removeAsk', { name })} okText={t('admin.remove')} cancelText={t('settings.cancel')} onConfirm={() => drop.mutate()}>
      <Button size="small" danger loading={drop.isPending} aria-label={`${t('admin.remove')}: ${name}`}>
        {t('admin.remove')}
      </Button>
    </Popconfirm>
  );
}

/** Hours are the opening hours by name. */
export function Hours() {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(hours);
  const [edited, setEdited] = useState<Calendar | 'new' | null>(null);
  if (lost(error, data)) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Waiting />;
  return (
    <section>
      <SectionHead title={t('admin.sections.hours')} about={t('admin.about.hours')}>
        <Button type="primary" onClick={() => setEdited('new')}>
          {t('admin.add.hours')}
        </Button>
      </SectionHead>
      {data.length === 0 ? (
        <div className="card">
          <Empty icon="half" title={t('admin.none.hours')} hint={t('admin.about.hours')} />
        </div>
      ) : (
        <ul className="card admin-list">
          {data.map((calendar) => (
            <li key={calendar.name} className="admin-row">
              <span className="admin-name">
                <strong>{calendar.name}</strong>
              </span>
              <span className="admin-cells">
                <span className="admin-main">
                  {weekdays
                    .filter((day) => calendar.week[day]?.length)
                    .map((day) => t(`admin.weekday.${day}`))
                    .join(' ') || t('admin.day.closed')}
                </span>
                <span className="muted">{calendar.zone}</span>
                <span className="muted">{t('admin.dayCount', { count: calendar.days.length })}</span>
              </span>
              <span className="admin-acts">
                <Button size="small" onClick={() => setEdited(calendar)} aria-label={`${t('settings.edit')}: ${calendar.name}`}>
                  {t('settings.edit')}
                </Button>
                <RemoveHours name={calendar.name} />
              </span>
            </li>
          ))}
        </ul>
      )}
      {edited && <HoursEditor calendar={edited === 'new' ? null : edited} onClose={() => setEdited(null)} />}
    </section>
  );
}
