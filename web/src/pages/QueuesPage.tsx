import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Dropdown, Modal, Popover, Select, type MenuProps } from 'antd';
import { useCallback, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { request } from '../api/client';
import type { Agent, QueueBoard, Work } from '../api/model';
import { Problem, problemKey } from '../api/problem';
import { agentHistory, agents as agentsOf, board as boardOf, work as workOf } from '../api/queries';
import { useChannel, useFloor, useNow } from '../call/hooks';
import { clock, firstOf, since, useFormat } from '../i18n/format';
import { Icon } from '../parts/Icon';
import { Empty, Failed, Waiting } from '../parts/Notice';
import { AlarmSwitch, QueueAlerts, useWorst } from '../parts/QueueAlerts';
import { Title } from '../parts/Title';
import { WhyLines } from '../parts/Why';
import { useMessage } from '../parts/messages';
import './system.css';
import './queues.css';

/** Level is a share in time against its promise; -1 is none. */
function Level({ level, promise }: { level: number; promise: number }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  if (level < 0) return <span className="muted">–</span>;
  return <span className={level >= promise ? 'level-kept num' : 'level-missed num'}>{t('unit.percent', { value: number(level, 0) })}</span>;
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className="num">{children}</dd>
    </div>
  );
}

/** QueueTile is one queue; colour only where a promise is broken. */
function QueueTile({ queue, age, alert }: { queue: QueueBoard; age: number; alert?: 'warning' | 'critical' }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  const oldest = queue.waiting > 0 ? queue.oldest_ms + age : 0;
  return (
    <li className={alert ? `card queue queue-${alert}` : 'card queue'}>
      <div className="queue-head">
        <h2>{queue.name || queue.id}</h2>
        <span className="muted">{t('queues.promise', { percent: queue.promise_percent, within: clock(queue.promise_ms) })}</span>
      </div>
      <dl className="queue-facts">
        <Fact name={t('queues.waiting')}>
          <strong className="queue-big">{number(queue.waiting)}</strong>
          {queue.callbacks > 0 && <small>{t('queues.callbacks', { count: queue.callbacks })}</small>}
        </Fact>
        <Fact name={t('queues.oldest')}>
          <strong className={oldest > queue.promise_ms ? 'queue-big level-missed' : 'queue-big'}>{queue.waiting > 0 ? clock(oldest) : '–'}</strong>
        </Fact>
        <Fact name={t('queues.level')}>
          <strong className="queue-big">
            <Level level={queue.today.level} promise={queue.promise_percent} />
          </strong>
          <small>
            {t('queues.recent')} <Level level={queue.last_30_min.level} promise={queue.promise_percent} />
          </small>
        </Fact>
        <Fact name={t('queues.atWork')}>
          {number(queue.agents)} <small>{t('queues.free', { count: queue.free })}</small>
        </Fact>
        <Fact name={t('queues.active')}>{number(queue.active)}</Fact>
        <Fact name={t('queues.estimate')}>{queue.estimate_ms < 0 ? <span className="level-missed">{t('queues.nobody')}</span> : clock(queue.estimate_ms)}</Fact>
        <Fact name={t('queues.answered')}>{number(queue.today.answered)}</Fact>
        <Fact name={t('queues.abandoned')}>
          {number(queue.today.abandoned)} <small>{t('queues.short', { count: queue.today.short })}</small>
        </Fact>
      </dl>
    </li>
  );
}

/** useOrder does something to an agent or a piece of work; refusals say by status why it was not done. */
function useOrder(done: string, refusals: Record<number, string> = {}) {
  const { t } = useTranslation();
  const message = useMessage();
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ path, method, body }: { path: string; method: 'PUT' | 'POST' | 'DELETE'; body?: unknown }) => request(path, { method, body }),
    onSuccess: () => void message.success(done),
    onError: (error) => void message.error((error instanceof Problem ? refusals[error.status] : undefined) ?? t(problemKey(error))),
    onSettled: () => client.invalidateQueries({ queryKey: ['queues'] }),
  });
}

/** History is what states an agent was in, the newest first, each with how long it lasted. */
function History({ id }: { id: string }) {
  const { t } = useTranslation();
  const { time } = useFormat();
  const now = useNow();
  const { data, error, refetch } = useQuery(agentHistory(id));
  if (error) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Waiting rows={3} />;
  if (data.length === 0) return <p className="muted">{t('callwork.noHistory')}</p>;
  return (
    <ol className="agent-history">
      {data.map((one, i) => (
        <li key={`${one.at}${one.state}`}>
          <time className="num muted">{time(one.at)}</time>
          <span className={`agent-tag agent-${one.state}`}>
            <span className="agent-dot" aria-hidden="true" />
            {t(`agent.states.${one.state}`)}
            {one.reason && <small className="muted">{t(`agent.reasons.${one.reason}`, one.reason)}</small>}
          </span>
          <span className="num end">{clock((i === 0 ? now : Date.parse(data[i - 1]?.at ?? one.at)) - Date.parse(one.at))}</span>
        </li>
      ))}
    </ol>
  );
}

function AgentRow({ agent, now }: { agent: Agent; now: number }) {
  const { t } = useTranslation();
  const { number } = useFormat();
  const order = useOrder(t('queues.forced'));
  const set = (state: string) => order.mutate({ path: `/agents/${agent.id}/state`, method: 'PUT', body: { state } });
  const items: MenuProps['items'] = [
    ...(['available', 'away', 'offline'] as const).map((state) => ({ key: state, label: t(`agent.states.${state}`), onClick: () => set(state) })),
    ...(agent.state === 'wrap_up' ? [{ key: 'wrap', label: t('queues.endWrap'), onClick: () => order.mutate({ path: `/agents/${agent.id}/wrap-up/end`, method: 'POST' }) }] : []),
  ];
  return (
    <tr>
      <td data-name={t('queues.agent')}>
        <Popover trigger="click" placement="bottomLeft" destroyOnHidden title={t('callwork.history', { who: agent.name })} content={<History id={agent.id} />}>
          <button type="button" className="text-button" aria-haspopup="dialog">
            {agent.name}
          </button>
        </Popover>
      </td>
      <td data-name={t('queues.state')}>
        <span className={`agent-tag agent-${agent.state}`}>
          <span className="agent-dot" aria-hidden="true" />
          {t(`agent.states.${agent.state}`)}
          {agent.reason && <small className="muted">{t(`agent.reasons.${agent.reason}`, agent.reason)}</small>}
        </span>
      </td>
      <td data-name={t('queues.since')} className="num end">
        {since(agent.since, now)}
      </td>
      <td data-name={t('queues.handled')} className="num end">
        {number(agent.handled_today)}
      </td>
      <td data-name={t('queues.talk')} className="num end">
        {clock(agent.talk_today_ms)}
      </td>
      <td className="end">
        <Dropdown trigger={['click']} menu={{ items }}>
          <button type="button" className="row-menu" aria-label={`${t('queues.force')}: ${agent.name}`}>
            {t('queues.force')} <Icon name="down" size={14} />
          </button>
        </Dropdown>
      </td>
    </tr>
  );
}

/** Assign chooses the agent who gets a piece of work. Live work goes to those who are online. */
function Assign({ work, agents, names, onClose }: { work: Work; agents: Agent[]; names: Record<string, string>; onClose: () => void }) {
  const { t } = useTranslation();
  const [agent, setAgent] = useState<string>();
  const order = useOrder(t('floor.assigned'), { 404: t('floor.gone'), 409: t('floor.assignRefused') });
  const live = work.kind === 'voice' || work.kind === 'chat';
  const options = agents
    .filter((one) => one.id !== work.agent && !(live && one.presence === 'offline'))
    .map((one) => ({ value: one.id, name: one.name, label: `${one.name} · ${t(`agent.states.${one.state}`)}${one.work.length > 0 ? ` · ${t('floor.over', { count: one.work.length })}` : ''}` }));
  const give = () => order.mutate({ path: `/queues/work/${encodeURIComponent(work.id)}/assign`, method: 'POST', body: { agent } }, { onSettled: onClose });
  return (
    <Modal open title={t('floor.assignTitle')} okText={t('floor.assignOk')} cancelText={t('settings.cancel')} okButtonProps={{ disabled: !agent }} confirmLoading={order.isPending} onCancel={onClose} onOk={give} width={420}>
      {work.agent && <p>{t('floor.assignFrom', { who: names[work.agent] ?? work.agent })}</p>}
      {options.length === 0 ? (
        <p className="muted">{t('floor.assignNone')}</p>
      ) : (
        <Select autoFocus showSearch={{ optionFilterProp: 'name' }} className="assign-agent" aria-label={t('floor.assignLabel')} placeholder={t('floor.assignLabel')} value={agent} onChange={setAgent} options={options} />
      )}
    </Modal>
  );
}

/** WorkMenu gives a piece of work to an agent, moves it, or takes it out. An open conversation waits somewhere: it is not taken out. */
function WorkMenu({ work, what, agents, names, queues }: { work: Work; what: string; agents: Agent[]; names: Record<string, string>; queues: QueueBoard[] }) {
  const { t } = useTranslation();
  const [assigns, setAssigns] = useState(false);
  const [modal, holder] = Modal.useModal();
  const why = { 404: t('floor.gone'), 409: t('floor.refused') };
  const move = useOrder(t('queues.moved'), why);
  const remove = useOrder(t('floor.removed'), why);
  const path = `/queues/work/${encodeURIComponent(work.id)}`;
  const others = queues.filter((q) => q.id !== work.queue);
  const removed = work.kind === 'ticket' ? 'ticket' : work.callback ? 'callback' : 'voice';
  const sure = () =>
    void modal.confirm({
      title: t(`floor.removeAsk.${removed}`),
      content: t(`floor.removeHint.${removed === 'voice' && (work.phase === 'assigned' || work.phase === 'active') ? 'active' : removed}`),
      okText: t('floor.removeOk'),
      okButtonProps: { danger: true },
      cancelText: t('settings.cancel'),
      onOk: () => remove.mutateAsync({ path, method: 'DELETE' }).catch(() => undefined),
    });
  const items: MenuProps['items'] = [
    { key: 'assign', label: t('floor.assign'), onClick: () => setAssigns(true) },
    ...(others.length > 0 ? [{ key: 'move', type: 'group' as const, label: t('floor.moveTo'), children: others.map((q) => ({ key: `to:${q.id}`, label: q.name || q.id, onClick: () => move.mutate({ path: `${path}/move`, method: 'POST', body: { queue: q.id } }) })) }] : []),
    ...(work.kind === 'voice' || work.kind === 'ticket' ? [{ type: 'divider' as const }, { key: 'remove', danger: true, label: t('floor.remove'), onClick: sure }] : []),
  ];
  return (
    <>
      {holder}
      <Dropdown trigger={['click']} menu={{ items, className: 'work-menu' }}>
        <button type="button" className="row-menu" aria-label={t('floor.actionsOf', { what })}>
          {t('floor.actions')} <Icon name="down" size={14} />
        </button>
      </Dropdown>
      {assigns && <Assign work={work} agents={agents} names={names} onClose={() => setAssigns(false)} />}
    </>
  );
}

function WorkRow({ work, names, agents, queues, now }: { work: Work; names: Record<string, string>; agents: Agent[]; queues: QueueBoard[]; now: number }) {
  const { t } = useTranslation();
  const { calls } = useFloor();
  const call = work.kind === 'voice' ? calls.find((one) => one.id === work.id) : undefined;
  const where = queues.find((q) => q.id === work.queue)?.name ?? work.queue;
  const [of, number] = work.id.split(':');
  const ticket = of === 'ticket' ? number : undefined;
  const conversation = of === 'chat' ? number : undefined;
  const what = [t(`queues.kinds.${work.kind}`), ticket && `#${ticket}`, call && firstOf(call.from_name, call.from), where].filter(Boolean).join(' · ');
  return (
    <tr>
      <td data-name={t('queues.kind')}>
        {t(`queues.kinds.${work.kind}`)}
        {call && (
          <Link to="/live/$callId" params={{ callId: call.id }} className="work-who num">
            {firstOf(call.from_name, call.from)}
          </Link>
        )}
        {ticket && (
          <Link to="/tickets/$ticketId" params={{ ticketId: ticket }} className="work-who num">
            #{ticket}
          </Link>
        )}
        {conversation && (
          <Link to="/inbox/$conversation" params={{ conversation }} className="work-who">
            {t('feedback.about.conversation')}
          </Link>
        )}
        {work.callback && <span className="tag">{t('queues.callback')}</span>}
        {work.alerted && <span className="tag tag-poor">{t('queues.alerted')}</span>}
      </td>
      <td data-name={t('queues.queue')}>{where}</td>
      <td data-name={t('queues.urgency')}>{t(`queues.urgencies.${work.urgency}`, work.urgency)}</td>
      <td data-name={t('queues.phase')}>{t(`queues.phases.${work.phase}`)}</td>
      <td data-name={t('queues.age')} className="num end">
        {clock(now - Date.parse(work.since))}
      </td>
      <td data-name={t('queues.agent')}>
        {work.agent ? (names[work.agent] ?? work.agent) : '–'}{' '}
        {work.agent && work.why && (
          <Popover trigger="click" content={<WhyLines why={work.why} names={names} />}>
            <button type="button" className="row-menu" aria-label={t('queues.why')}>
              ?
            </button>
          </Popover>
        )}
      </td>
      <td className="end">
        <WorkMenu work={work} what={what} agents={agents} names={names} queues={queues} />
      </td>
    </tr>
  );
}

/** Section is a table with its headings; those in `ends` stand at the end of their columns. */
function Section({ title, heads, ends, none, rows }: { title: string; heads: string[]; ends: number[]; none: string; rows: ReactNode[] }) {
  return (
    <section className="card">
      <div className="card-head">
        <h2>{title}</h2>
      </div>
      {rows.length === 0 ? (
        <p className="table-none">{none}</p>
      ) : (
        <table className="table">
          <thead>
            <tr>
              {heads.map((head, i) => (
                <th key={head} scope="col" className={ends.includes(i) ? 'end' : undefined}>
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>{rows}</tbody>
        </table>
      )}
    </section>
  );
}

/** QueuesPage is the supervisor's live board: queues, agents, and the work that waits or runs. */
export function QueuesPage() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const now = useNow();
  const board = useQuery(boardOf);
  const agents = useQuery(agentsOf);
  const work = useQuery(workOf);
  useChannel('queues', useCallback(() => void client.invalidateQueries({ queryKey: ['queues'] }), [client]));
  const worst = useWorst();
  const queues = board.data?.items ?? [];
  const names = Object.fromEntries((agents.data ?? []).map((a) => [a.id, a.name]));
  const age = board.dataUpdatedAt > 0 ? Math.max(0, now - board.dataUpdatedAt) : 0;
  return (
    <div className="page">
      <Title>{t('queues.title')}</Title>
      <div className="page-head">
        <h1>{t('queues.title')}</h1>
        <span className="page-acts">
          <AlarmSwitch />
        </span>
      </div>
      <QueueAlerts />
      {board.isError && <Failed error={board.error} retry={() => void board.refetch()} />}
      {board.isPending && <Waiting />}
      {board.data && queues.length === 0 && <Empty icon="queues" title={t('queues.none')} hint={t('queues.noneHint')} />}
      {queues.length > 0 && (
        <ul className="queue-tiles">
          {queues.map((queue) => (
            <QueueTile key={queue.id} queue={queue} age={age} alert={worst.get(queue.id)} />
          ))}
        </ul>
      )}
      {agents.data && (
        <Section
          title={t('queues.agents')}
          none={t('queues.noAgents')}
          ends={[2, 3, 4, 5]}
          heads={[t('queues.agent'), t('queues.state'), t('queues.since'), t('queues.handled'), t('queues.talk'), t('queues.force')]}
          rows={agents.data.map((agent) => (
            <AgentRow key={agent.id} agent={agent} now={now} />
          ))}
        />
      )}
      {work.data && queues.length > 0 && (
        <Section
          title={t('queues.work')}
          none={t('queues.noWork')}
          ends={[4, 6]}
          heads={[t('queues.kind'), t('queues.queue'), t('queues.urgency'), t('queues.phase'), t('queues.age'), t('queues.agent'), t('floor.actions')]}
          rows={work.data.map((one) => (
            <WorkRow key={one.id} work={one} names={names} agents={agents.data ?? []} queues={queues} now={now} />
          ))}
        />
      )}
    </div>
  );
}
