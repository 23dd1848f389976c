import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { MenuProps } from 'antd';
import { useCallback, useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import type { Agent, Presence } from '../api/model';
import { Problem, problemKey } from '../api/problem';
import { desk } from '../api/queries';
import { useChannel, useNow } from '../call/hooks';
import { clock } from '../i18n/format';
import { Icon } from '../parts/Icon';
import { Dropdown } from '../parts/hung';
import { useMessage } from '../parts/messages';
import './agent.css';

/** useAsk sends something about oneself and takes the new state over. */
function useAsk() {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ path, method, body }: { path: string; method: 'PUT' | 'POST'; body?: unknown }) => request(path, { method, body }),
    onError: (error) => void message.error(t(error instanceof Problem && error.status === 409 ? 'agent.gone' : problemKey(error))),
    onSettled: () => client.invalidateQueries({ queryKey: ['queues'] }),
  });
}

function StateButton({ me, reasons }: { me: Agent; reasons: readonly string[] }) {
  const { t } = useTranslation();
  const ask = useAsk();
  const now = useNow();
  const set = (state: Presence, reason?: string) => ask.mutate({ path: '/agents/me/state', method: 'PUT', body: { state, reason } });
  const items: MenuProps['items'] = [
    ...(me.state === 'wrap_up' ? [{ key: 'ready', label: t('agent.ready'), onClick: () => ask.mutate({ path: '/agents/me/wrap-up/end', method: 'POST' }) }, { type: 'divider' as const }] : []),
    { key: 'available', label: t('agent.states.available'), onClick: () => set('available') },
    { key: 'away', label: t('agent.states.away'), children: reasons.map((reason) => ({ key: reason, label: t(`agent.reasons.${reason}`), onClick: () => set('away', reason) })) },
    { key: 'offline', label: t('agent.states.offline'), onClick: () => set('offline') },
  ];
  return (
    <Dropdown trigger={['click']} menu={{ items, selectedKeys: [me.presence, me.reason ?? ''] }}>
      <button type="button" className={`agent-state agent-${me.state}`} disabled={ask.isPending}>
        <span className="hidden">{t('agent.menu')}: </span>
        <span className="agent-dot" aria-hidden="true" />
        <span>{me.state === 'away' && me.reason ? t(`agent.reasons.${me.reason}`, me.reason) : t(`agent.states.${me.state}`)}</span>
        <span className="num muted">{clock(now - Date.parse(me.since))}</span>
        <Icon name="down" size={14} />
      </button>
    </Dropdown>
  );
}

/**
 * useReturn takes an agent back to work whom the server signed out while this
 * page's connection was cut: who was available here and did not say otherwise.
 */
function useReturn(agent: Agent | undefined) {
  const { mutate } = useAsk();
  const was = useRef<Presence | undefined>(undefined);
  useEffect(() => {
    if (!agent) return;
    const cut = agent.presence === 'offline' && agent.reason === 'connection_lost';
    if (cut && was.current === 'available') mutate({ path: '/agents/me/state', method: 'PUT', body: { state: 'available' } });
    was.current = agent.presence;
  }, [agent, mutate]);
}

/** AgentMenu is an agent's own state; nothing for others. What rings is in the call bar. */
export function AgentMenu() {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  const { data } = useQuery(desk);
  useChannel('queues', useCallback(() => void client.invalidateQueries({ queryKey: desk.queryKey }), [client]));
  useReturn(data?.agent);
  const unanswered = data?.agent?.state === 'away' && data.agent.reason === 'unanswered';
  useEffect(() => {
    if (unanswered) void message.warning(t('agent.unanswered'), 10);
  }, [unanswered, message, t]);
  if (!data?.agent) return null;
  return <StateButton me={data.agent} reasons={data.reasons} />;
}
