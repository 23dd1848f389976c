import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Input, Popconfirm } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { tools, type BotTool } from '../api/bot';
import { request } from '../api/client';
import { lost, Problem, problemKey } from '../api/problem';
import { useFormat } from '../i18n/format';
import { Failed, Waiting } from './Notice';
import { useMessage } from './messages';

const blank = `name: order_lookup
url: http://127.0.0.1:8090/orders/{{order}}
timeout: 2s
values:
  title: title
  status: status
  eta: eta
words:
  status:
    paid: {zh: 已付款、待发货, en: is paid and waits to be sent}
    shipped: {zh: "已发货，预计 {{eta}} 送达", en: "is on its way; it should arrive on {{eta}}"}
`;

/** BotTools are the HTTP interfaces that frames may ask, as YAML. */
export function BotTools({ admin }: { admin: boolean }) {
  const { t } = useTranslation();
  const { dateTime } = useFormat();
  const { data, error, refetch } = useQuery(tools);
  const [open, setOpen] = useState<string | null>(null);
  if (lost(error, data)) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Waiting rows={3} />;
  return (
    <section className="card">
      <div className="card-head">
        <h2>{t('bot.tab.tools')}</h2>
        {admin && (
          <Button size="small" type="primary" onClick={() => setOpen('')}>
            {t('bot.addTool')}
          </Button>
        )}
      </div>
      <p className="bot-note muted">
        {t('bot.toolsHint')} {data.hosts.length > 0 ? t('bot.hosts', { hosts: data.hosts.join(', ') }) : t('bot.noHosts')}
      </p>
      {open === '' && <ToolForm doc={blank} onClose={() => setOpen(null)} />}
      {data.items.length === 0 && open === null && <p className="table-none">{t('bot.noTools')}</p>}
      <ul className="bot-tools">
        {data.items.map((tool) => (
          <li key={tool.name}>
            <div className="bot-tool-head">
              <strong>{tool.name}</strong>
              <span className="muted">
                {tool.updated_by} · {dateTime(tool.updated_at)}
              </span>
              {admin && <Actions tool={tool} edit={() => setOpen(open === tool.name ? null : tool.name)} />}
            </div>
            {open === tool.name ? <ToolForm doc={tool.doc} name={tool.name} onClose={() => setOpen(null)} /> : <pre className="bot-yaml">{tool.doc}</pre>}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Actions({ tool, edit }: { tool: BotTool; edit: () => void }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => request(`/bot/tools/${tool.name}`, { method: 'DELETE' }),
    onError: (error) => void message.error(t(problemKey(error))),
    onSettled: () => client.invalidateQueries({ queryKey: tools.queryKey }),
  });
  return (
    <span className="bot-actions">
      <Button size="small" onClick={edit}>
        {t('bot.edit')}
      </Button>
      <Popconfirm title={t('bot.removeAsk', { name: tool.name })} okText={t('bot.remove')} cancelText={t('settings.cancel')} onConfirm={() => remove.mutate()}>
        <Button size="small" danger aria-label={`${t('bot.remove')}: ${tool.name}`}>
          {t('bot.remove')}
        </Button>
      </Popconfirm>
    </span>
  );
}

function ToolForm({ doc, name, onClose }: { doc: string; name?: string; onClose: () => void }) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const [text, setText] = useState(doc);
  const save = useMutation({
    mutationFn: () => request(`/bot/tools/${name ?? /^name:\s*(\S+)/m.exec(text)?.[1] ?? 'unnamed'}`, { method: 'PUT', body: { doc: text } }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: tools.queryKey });
      void message.success(t('settings.saved'));
      onClose();
    },
    onError: (error) => void message.error(error instanceof Problem && error.status === 422 ? error.detail : t(problemKey(error))),
  });
  return (
    <div className="bot-tool-form">
      <Input.TextArea className="bot-yaml" spellCheck={false} autoSize={{ minRows: 8, maxRows: 24 }} value={text} maxLength={32768} aria-label="YAML" onChange={(event) => setText(event.target.value)} />
      <span className="bot-actions">
        <Button size="small" onClick={onClose}>
          {t('settings.cancel')}
        </Button>
        <Button size="small" type="primary" loading={save.isPending} onClick={() => save.mutate()}>
          {t('settings.save')}
        </Button>
      </span>
    </div>
  );
}
