// Queues as the pages see them: two that never move, but that time passes.
const began = Date.now();
const ago = (ms) => new Date(began - ms).toISOString();
const served = (answered, inTime, abandoned, short) => ({ entered: answered + abandoned + short, answered, in_time: inTime, abandoned, short, level: answered ? (100 * inTime) / answered : -1 });

const why = {
  work: 'w2', queue: 'support', at: ago(40_000), waited_ns: 12e9, target_ns: 600e9, ring: 1, strategy: 'best', policy_version: 1, p: 3.28, agent: '3', s: 0.71,
  priority: { urgency: 2, age: 0.78, emotion: 0.5, vip: 0, complaint: 0, repeat: 0 },
  score: { skill: 0.31, room: 0.35, same: 0, idle: 0, fairness: 0.05 },
  losers: [{ agent: '2', s: 0, reason: 'away' }],
};

const people = [
  { id: '2', name: 'Mei Chen', state: 'away', presence: 'away', reason: 'lunch', since: ago(700_000), skills: { tech: 0.9 }, languages: ['zh'], capacity: 10, desk: false, work: [], handled_today: 12, talk_today_ms: 3_720_000 },
  { id: '3', name: 'Jonas Weber', state: 'talking', presence: 'available', since: ago(38_000), skills: { tech: 0.7 }, languages: [], capacity: 10, desk: false, work: ['w2'], handled_today: 9, talk_today_ms: 2_400_000 },
];

export const agents = () => people;

export const work = () => [
  { id: 'w1', kind: 'voice', queue: 'support', urgency: 'high', phase: 'waiting', since: ago(95_000), alerted: true },
  { id: 'w2', kind: 'voice', queue: 'support', urgency: 'high', phase: 'active', since: ago(52_000), agent: '3', answered_at: ago(38_000), why },
  { id: 'w3', kind: 'chat', queue: 'sales', urgency: 'normal', phase: 'waiting', since: ago(8000), callback: false },
];

export function board() {
  const age = Date.now() - began;
  const queue = (id, name, waiting, oldest, today, recent) => ({
    id, name, waiting, callbacks: 0, ringing: 0, active: 1, oldest_ms: oldest + age, agents: 1, free: 0, estimate_ms: waiting * 180_000, handle_ms: 180_000, promise_percent: 80, promise_ms: 20_000, today, last_30_min: recent,
  });
  return { at: new Date().toISOString(), items: [queue('sales', 'Sales', 1, 8000, served(40, 36, 2, 1), served(6, 6, 0, 0)), queue('support', 'Support', 1, 95_000, served(87, 61, 9, 4), served(11, 5, 3, 0))] };
}

/** desk has an agent for those of the mock's users who are one. */
export function desk(user) {
  return { agent: people.find((p) => p.id === user.id), reasons: ['break', 'lunch', 'meeting', 'other'], work: [] };
}

export const alerts = () => [
  { id: 1, rule: 'long', queue: 'support', severity: 'warning', metric: 'oldest', operator: '>', bound: 60, value: 95, raised_at: ago(35_000) },
];

export function wall() {
  const items = board().items.map((q) => ({ id: q.id, name: q.name, waiting: q.waiting, oldest_ms: q.oldest_ms, active: q.active, agents: q.agents, free: q.free, estimate_ms: q.estimate_ms, level: q.today.level, level_30_min: q.last_30_min.level, promise_percent: q.promise_percent, promise_ms: q.promise_ms, answered_today: q.today.answered, abandoned_today: q.today.abandoned, alert: q.id === 'support' ? 'warning' : undefined }));
  return { at: new Date().toISOString(), queues: items, agents: { available: 0, busy: 1, wrap_up: 0, away: 1, free_names: [] } };
}
