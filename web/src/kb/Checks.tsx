import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Segmented } from 'antd';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import type { components } from '../api/openapi';
import { Waiting } from '../parts/Notice';
import { useSaid } from './ArticlePage';
import type { Edit, Shown, Warned } from './queries';

/** useLater is a value once it has not changed for a moment. */
function useLater<T>(value: T, ms = 600): T {
  const [later, setLater] = useState(value);
  const text = JSON.stringify(value);
  useEffect(() => {
    const timer = setTimeout(() => setLater(JSON.parse(text) as T), ms);
    return () => clearTimeout(timer);
  }, [text, ms]);
  return later;
}

type Asked = Omit<components['schemas']['KbLintInputBody'], '$schema'>;

/** Checks are what an editor should look at, as the form stands. */
export function Checks({ edit }: { edit: Asked }) {
  const { t } = useTranslation();
  const said = useSaid();
  const asked = useLater(edit);
  const { data, error } = useQuery({
    queryKey: ['kb-lint', asked],
    queryFn: ({ signal }) => request<{ items: Warned[] }>('/kb/lint', { method: 'POST', body: asked, signal }).then((list) => list.items),
    retry: false,
    gcTime: 0,
    placeholderData: (old) => old,
  });
  if (error) return <p className="kb-tool kb-warned">{said(error)}</p>;
  if (!data) return <Waiting rows={3} />;
  return (
    <div className="kb-tool" aria-live="polite">
      {data.length === 0 && <p className="muted">{t('kb.clean')}</p>}
      <ul className="kb-warnings">
        {data.map((warning) => (
          <li key={`${warning.code} ${warning.text ?? ''} ${warning.id ?? 0}`}>
            {t(`kb.warnings.${warning.code}`, { text: t([`kb.pii.${warning.text ?? ''}`, `kb.langs.${warning.text ?? ''}`], warning.text ?? ''), n: warning.n ?? 0 })}
            {warning.id && (
              <Link to="/kb/$articleId" params={{ articleId: String(warning.id) }}>
                {' '}
                →
              </Link>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

const channels = ['help', 'email', 'wechat', 'wecom', 'qq', 'weibo', 'sms', 'voice'] as const;

/** Previews show the text as each channel would, with the channel's limit. */
export function Previews({ edit }: { edit: Edit }) {
  const { t } = useTranslation();
  const said = useSaid();
  const [channel, setChannel] = useState<(typeof channels)[number]>('help');
  // Owner, review day and note are no content: the server would refuse them.
  const content = useLater<Edit>({ ...edit, owner: undefined, review_by: undefined, note: undefined });
  const { data, error } = useQuery({
    queryKey: ['kb-preview', content],
    queryFn: ({ signal }) => request<{ items: Shown[] }>('/kb/preview', { method: 'POST', body: content, signal }).then((list) => list.items),
    retry: false,
    gcTime: 0,
    placeholderData: (old) => old,
  });
  const shown = data?.find((one) => one.channel === channel);
  return (
    <div className="kb-tool">
      <Segmented size="small" className="kb-channels" aria-label={t('kb.channel')} value={channel} options={channels.map((value) => ({ value, label: t(`kb.channels.${value}`) }))} onChange={setChannel} />
      {error && <p className="kb-warned">{said(error)}</p>}
      {shown && shown.limit > 0 && (
        <p className={`num ${shown.size > shown.limit ? 'kb-warned' : 'muted'}`}>
          {t(shown.unit === 'bytes' ? 'kb.ofBytes' : 'kb.ofCharacters', { size: shown.size, limit: shown.limit })}
          {(shown.parts?.length ?? 0) > 1 && ` · ${t('kb.messages', { count: shown.parts?.length ?? 0 })}`}
        </p>
      )}
      {/* Rendered and sanitised by the server: no scripts, no foreign pictures; the page's policy allows neither. */}
      {shown?.html && <div className="kb-body" dangerouslySetInnerHTML={{ __html: shown.html }} />}
      {shown?.parts?.map((part, i) => (
        <p className="kb-bubble" key={i}>
          {part}
        </p>
      ))}
    </div>
  );
}
