import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Popconfirm } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import { useFormat } from '../i18n/format';
import { Failed, Waiting } from '../parts/Notice';
import { useMessage } from '../parts/messages';
import { useSaid } from './ArticlePage';
import { diff, versions, type Article, type DiffLine, type Saved } from './queries';

/** Changes shows lines that came and went, with one line of what stayed around them. */
function Changes({ id, from, to }: { id: number; from: number; to: number }) {
  const { t } = useTranslation();
  const { data, error } = useQuery(diff(id, from, to));
  if (error) return <Failed error={error} />;
  if (!data) return <Waiting rows={3} />;
  const near = (i: number) => [data[i - 1], data[i], data[i + 1]].some((line) => line && line.op !== 'same' && line.field === data[i]?.field);
  const shown = data.map((line, i) => ({ line, i })).filter(({ i }) => near(i));
  if (shown.length === 0) return <p className="muted">{t('kb.noChange')}</p>;
  const sign: Record<DiffLine['op'], string> = { same: ' ', add: '+', del: '−' };
  return (
    <div className="kb-diff">
      {shown.map(({ line, i }, k) => (
        <div key={i}>
          {shown[k - 1]?.line.field !== line.field && <h4>{t(`kb.fields.${line.field}`)}</h4>}
          <p className={`kb-${line.op}`}>
            <span aria-label={line.op === 'same' ? undefined : t(`kb.ops.${line.op}`)}>{sign[line.op]}</span> {line.text}
          </p>
        </div>
      ))}
    </div>
  );
}

/** Versions lists what was saved, what changed, and goes back. */
export function Versions({ of, edits, dirty }: { of: Article; edits: boolean; dirty: boolean }) {
  const { t } = useTranslation();
  const message = useMessage();
  const said = useSaid();
  const { dateTime } = useFormat();
  const client = useQueryClient();
  const { data, error, refetch } = useQuery(versions(of.id));
  const [open, setOpen] = useState(of.version);
  const back = useMutation({
    mutationFn: (to: number) => request<Saved>(`/kb/articles/${of.id}/roll-back`, { method: 'POST', body: { version: of.version, to } }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['kb'] });
      void message.success(t('kb.rolledBack'));
    },
    onError: (failed) => void message.error(said(failed)),
  });
  if (error) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Waiting rows={4} />;
  return (
    <ol className="kb-tool kb-versions">
      {data.map((version, i) => (
        <li key={version.version}>
          <div className="kb-version">
            <button type="button" className="kb-link" aria-expanded={open === version.version} onClick={() => setOpen(open === version.version ? 0 : version.version)}>
              {t('kb.version', { n: version.version })}
            </button>
            {version.version === of.live_version && <span className="tag tag-good">{t('kb.states.live')}</span>}
            <span className="muted num">
              {dateTime(version.at)} · {version.by}
            </span>
            {edits && version.version !== of.version && (
              <Popconfirm title={t('kb.rollBackAsk')} okText={t('kb.rollBack')} cancelText={t('settings.cancel')} disabled={dirty} onConfirm={() => back.mutate(version.version)}>
                <Button size="small" disabled={dirty}>
                  {t('kb.rollBack')}
                </Button>
              </Popconfirm>
            )}
          </div>
          {version.note && <p className="muted">{version.note}</p>}
          {open === version.version && <Changes id={of.id} from={data[i + 1]?.version ?? 0} to={version.version} />}
        </li>
      ))}
    </ol>
  );
}
