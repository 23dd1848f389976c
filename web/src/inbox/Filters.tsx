import { useMutation, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Input, Modal, Popconfirm, Select, Switch } from 'antd';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { problemKey } from '../api/problem';
import { board, colleagues, session } from '../api/queries';
import { Icon } from '../parts/Icon';
import { useMessage } from '../parts/messages';
import { leads, works } from '../shell/roles';
import { boxes, counts as countsOf, labels as labelsOf, views as viewsOf, type Box, type View } from './data';
import { narrowed, treeOf, type InboxFilter } from './filter';

interface Props {
  filter: InboxFilter;
  onChange: (filter: InboxFilter) => void;
}

/** Boxes are the usual parts of the inbox, and the saved views. */
export function Boxes({ filter, onChange }: Props) {
  const { t } = useTranslation();
  const { data } = useQuery(countsOf);
  const saved = useQuery(viewsOf).data ?? [];
  const count: Partial<Record<Box, number>> = data ? { mine: data.mine, unassigned: data.unassigned, mentions: data.mentions, open: data.open } : {};
  const box = filter.box ?? 'open';
  return (
    <div className="inbox-boxes" role="tablist" aria-label={t('inbox.boxes')}>
      {boxes.map((name) => (
        <button key={name} type="button" role="tab" aria-selected={!filter.view && box === name} className={!filter.view && box === name ? 'chip inbox-chip-here' : 'chip'} onClick={() => onChange({ ...filter, view: undefined, box: name })}>
          {t(`inbox.box.${name}`)}
          {(count[name] ?? 0) > 0 && <span className="num">{count[name]}</span>}
        </button>
      ))}
      {saved.map((one) => (
        <button key={one.id} type="button" role="tab" aria-selected={filter.view === one.id} className={filter.view === one.id ? 'chip inbox-chip-here' : 'chip'} onClick={() => onChange({ view: one.id })}>
          {one.shared && <Icon name="team" size={14} />}
          {one.name}
          {(data?.views[one.id] ?? 0) > 0 && <span className="num">{data?.views[one.id]}</span>}
        </button>
      ))}
    </div>
  );
}

/** SaveView gives what is chosen a name. */
function SaveView({ filter, onClose, onSaved }: { filter: InboxFilter; onClose: () => void; onSaved: (view: number) => void }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const lead = leads(useSuspenseQuery(session).data?.user.role);
  const [name, setName] = useState('');
  const [shared, setShared] = useState(false);
  const save = useMutation({
    mutationFn: () => request<View>('/conversation-views', { method: 'POST', body: { name: name.trim(), shared, filter: treeOf(filter) } }),
    onSuccess: async (view) => {
      await Promise.all([client.invalidateQueries({ queryKey: ['conversation-views'] }), client.invalidateQueries({ queryKey: ['conversations', 'counts'] })]);
      onSaved(view.id);
    },
    onError: (error) => void message.error(t(problemKey(error))),
  });
  return (
    <Modal open title={t('desktop.saveView')} okText={t('settings.save')} cancelText={t('inbox.cancel')} okButtonProps={{ disabled: name.trim() === '' }} confirmLoading={save.isPending} onOk={() => save.mutate()} onCancel={onClose} width={380}>
      <Input value={name} maxLength={80} placeholder={t('desktop.viewName')} aria-label={t('desktop.viewName')} autoFocus onChange={(event) => setName(event.target.value)} onPressEnter={(event) => !event.nativeEvent.isComposing && name.trim() && save.mutate()} />
      {lead && (
        <label className="view-shared">
          <Switch size="small" checked={shared} onChange={setShared} /> {t('desktop.viewShared')}
        </label>
      )}
    </Modal>
  );
}

/** Narrow is the further conditions, and the way to keep them as a view; its children stand at the end. */
export function Narrow({ filter, onChange, children }: Props & { children?: ReactNode }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const known = useQuery(labelsOf).data ?? [];
  const people = useQuery(colleagues).data ?? [];
  const queues = useQuery({ ...board, refetchInterval: 60_000 }).data?.items ?? [];
  const me = useSuspenseQuery(session).data?.user;
  const saved = useQuery(viewsOf).data?.find((one) => one.id === filter.view);
  const [saving, setSaving] = useState(false);
  const drop = useMutation({
    mutationFn: (id: number) => request(`/conversation-views/${id}`, { method: 'DELETE' }),
    onSuccess: async () => {
      onChange({});
      await client.invalidateQueries({ queryKey: ['conversation-views'] });
    },
    onError: (error) => void message.error(t(problemKey(error))),
  });
  if (filter.view) {
    const gone = saved?.gone_queues?.length ? <span role="status">{t('desktop.viewQueueGone', { queues: saved.gone_queues.join(', ') })}</span> : null;
    if (!saved || (saved.shared && !leads(me?.role)) || !works(me?.role))
      return (
        <div className="inbox-narrow">
          {gone}
          {children}
        </div>
      );
    return (
      <div className="inbox-narrow">
        {gone}
        <Popconfirm title={t('desktop.dropViewAsk', { name: saved.name })} okText={t('desktop.dropView')} cancelText={t('inbox.cancel')} onConfirm={() => drop.mutate(saved.id)}>
          <button type="button" className="text-button">
            {t('desktop.dropView')}
          </button>
        </Popconfirm>
        {children}
      </div>
    );
  }
  const select = (name: 'channel' | 'label' | 'who' | 'queue', options: { value: string; label: string }[]) => (
    <Select size="small" allowClear placeholder={t(`desktop.filter.${name}`)} aria-label={t(`desktop.filter.${name}`)} value={filter[name]} options={options} popupMatchSelectWidth={false} onChange={(value?: string) => onChange({ ...filter, [name]: value })} />
  );
  return (
    <div className="inbox-narrow">
      {select('channel', ['web', 'webhook', 'email', 'wechat'].map((value) => ({ value, label: t(`inbox.channel.${value}`) })))}
      {select('who', [{ value: 'me', label: t('desktop.filter.me') }, { value: 'none', label: t('inbox.nobody') }, ...people.map((p) => ({ value: p.id, label: p.name || p.username }))])}
      {known.length > 0 && select('label', known.map((l) => ({ value: l.name, label: l.name })))}
      {queues.length > 0 && select('queue', queues.map((q) => ({ value: q.id, label: q.name || q.id })))}
      <Select size="small" allowClear placeholder={t('desktop.urgency')} aria-label={t('desktop.urgency')} value={filter.urgency} options={[3, 2, 1].map((value) => ({ value, label: t(`desktop.urgencies.${value}`) }))} popupMatchSelectWidth={false} onChange={(urgency?: number) => onChange({ ...filter, urgency })} />
      <button type="button" className="chip" aria-pressed={!!filter.waiting} onClick={() => onChange({ ...filter, waiting: filter.waiting ? undefined : true })}>
        {t('desktop.filter.waiting')}
      </button>
      {narrowed(filter) && (
        <>
          <button type="button" className="text-button" onClick={() => onChange({ box: filter.box })}>
            {t('calls.clear')}
          </button>
          {works(me?.role) && (
            <button type="button" className="text-button" onClick={() => setSaving(true)}>
              {t('desktop.saveView')}
            </button>
          )}
        </>
      )}
      {children}
      {saving && (
        <SaveView
          filter={filter}
          onClose={() => setSaving(false)}
          onSaved={(view) => {
            setSaving(false);
            onChange({ view });
          }}
        />
      )}
    </div>
  );
}
