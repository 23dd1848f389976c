// The made-up world behind the mock server: calls of the past, calls that run, the load.
import { randomUUID } from 'node:crypto';
import { alertOf, feelings, moodOf } from './feelings.mjs';
import { compile, talks } from './talks.mjs';

const people = [
  ['+14155550134', 'Dana Whitfield', 'en'],
  ['13800138021', '王小明', 'zh-CN'],
  ['+442079460958', '', 'en'],
  ['02155501234', '李静', 'zh-CN'],
  ['+4930901820', 'Tomás Reyes', 'en'],
  ['18612345678', '', 'zh-CN'],
];
const causes = ['caller_hangup', 'normal', 'caller_hangup', 'peer_hangup', 'caller_hangup', 'cancelled', 'no_answer', 'media_timeout'];

const id = (at) => {
  const hex = at.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7${randomUUID().slice(15)}`;
};

function leg(call, n, side, mos, packets) {
  const loss = Math.round((4.4 - mos) * 12) / 10;
  return {
    n, side, direction: n === 1 ? 'in' : 'out', peer: n === 1 ? '203.0.113.20:5060' : '192.0.2.7:5060', codec: n === 1 ? 'PCMA' : 'G722', transport: n === 1 ? 'udp' : 'tls', secure: n !== 1,
    started_at: call.started_at, answered_at: call.answered_at, ended_at: call.ended_at, cause: call.cause,
    packets_in: packets, packets_out: packets + 12, lost: Math.round((packets * loss) / 100), loss_pct: loss, jitter_ms: 3.4 + n, rtt_ms: 21.5 + 8 * n, mos,
  };
}

/** Call is one call of either kind; `talk` is what is said in it. */
export class Call {
  constructor(n, startedAt, running) {
    const [from, name, language] = people[n % people.length];
    const kinds = talks[language];
    this.talk = compile(kinds[Math.floor(n / 2) % kinds.length], language === 'zh-CN');
    this.length = this.talk.at(-1).end_ms + 1200;
    this.answered = n % 8 !== 5 && n % 8 !== 6;
    this.mos = [4.3, 4.1, 3.4, 4.2, 2.8, 4.0][n % 6];
    this.heard = running ? 0 : this.answered ? this.talk.length : 0;
    if (n % 7 === 4) this.talk[3] = { ...this.talk[3], gap: true, text: '', raw: '', words: [], spans: [], reason: 'worker lost' };
    this.partial = {};
    this.feelings = feelings(this.talk, n);
    this.labels = [];
    const answeredAt = startedAt + 2400;
    this.summary = {
      id: id(startedAt), state: running ? 'ringing' : 'ended', direction: n % 6 === 4 ? 'out' : 'in', from, from_name: name, to: n % 3 === 2 ? '8001' : '8000', trunk: n % 3 === 1 ? 'office' : 'provider',
      route: n % 3 === 2 ? 'appointments' : 'service', language, started_at: new Date(startedAt).toISOString(), duration_ms: 0, consent: this.answered ? 'announced' : 'none', has_recording: false,
      transcription: { caller: 'off', agent: 'off' }, quality: null,
    };
    this.answeredAt = answeredAt;
    if (!running) this.finish(answeredAt + this.length, causes[n % causes.length], n % 11 === 9);
  }

  answer() {
    Object.assign(this.summary, { state: 'active', answered_at: new Date(this.answeredAt).toISOString(), has_recording: true, transcription: this.mos < 3 ? { caller: 'deferred', agent: 'deferred' } : { caller: 'live', agent: 'live' } });
    this.summary.quality = { mos: this.mos, loss_pct: Math.round((4.4 - this.mos) * 12) / 10, jitter_ms: 4.2 };
  }

  finish(at, cause, deferred) {
    if (this.answered) this.answer();
    const state = !this.answered ? 'off' : deferred ? 'deferred' : 'done';
    Object.assign(this.summary, { state: 'ended', ended_at: new Date(at).toISOString(), duration_ms: this.answered ? at - this.answeredAt : 0, cause, transcription: { caller: state, agent: state } });
    const last = this.talk.findLast((u) => !u.gap);
    if (this.answered && !deferred) this.summary.last_words = { side: last.side, text: last.text };
    if (deferred) this.heard = 0;
    this.feel(at);
    delete this.summary.alert;
    if (this.alert?.state === 'open') Object.assign(this.alert, { state: 'ended', ended_ms: at - this.answeredAt });
  }

  detail() {
    const legs = this.answered ? [leg(this.summary, 1, 'caller', this.mos, Math.round(this.length / 20)), leg(this.summary, 2, 'agent', 4.3, Math.round(this.length / 20))] : [leg(this.summary, 1, 'caller', 0, 0)];
    const recording = this.summary.state === 'ended' && this.summary.has_recording ? { duration_ms: this.length, bytes: 44 + Math.round(this.length * 8 * 4), url: `/api/v1/calls/${this.summary.id}/recording` } : undefined;
    return { ...this.summary, sip_status: 200, legs, data: this.answered ? { menu_choice: 'service', order: '44179920' } : {}, recording };
  }

  /** felt are the readings so far. */
  felt() {
    const heard = this.answered ? this.talk.slice(0, this.heard).filter((u) => u.side === 'caller' && !u.gap).length : 0;
    return this.feelings.slice(0, heard);
  }

  /** feel brings mood and alert up to date; true when an alert is new. */
  feel() {
    const felt = this.felt();
    const before = this.alert;
    this.alert ??= alertOf(this.summary.id, felt, this.answeredAt);
    this.summary.mood = moodOf(felt, this.alert ? 1 : 0);
    this.summary.alert = this.alert?.state === 'open' ? this.alert : undefined;
    return !before && !!this.alert;
  }

  emotion() {
    return { consented: this.answered, moods: this.summary.mood ? [this.summary.mood] : [], readings: this.felt(), alerts: this.alert ? [this.alert] : [], labels: this.labels };
  }

  said() {
    return this.summary.transcription.caller === 'deferred' ? [] : this.talk.slice(0, this.heard);
  }
}

/** World moves the running calls on and tells `publish(channel, type, call, data)` of all that happens. */
export class World {
  constructor(publish, now = Date.now()) {
    this.publish = publish;
    this.n = 0;
    this.ticks = 0;
    this.startedAt = now - 3.2 * 86400_000;
    this.past = Array.from({ length: 140 }, () => new Call(this.n++, now - this.n * 37 * 60_000, false));
    this.running = [];
    this.target = 4;
    for (const head of [38_000, 22_000, 12_000, 4_000]) this.begin(now - head);
    for (const call of this.running) this.catchUp(call, now);
  }

  begin(at) {
    // Calls that run are always answered, and one of them waits for a free worker.
    while (this.n % 8 === 5 || this.n % 8 === 6) this.n++;
    const call = new Call(this.n++, at, true);
    this.running.push(call);
    this.publish('calls', 'call.started', call.summary.id, call.summary);
    return call;
  }

  catchUp(call, now) {
    if (now < call.answeredAt) return;
    call.answer();
    const at = now - call.answeredAt;
    while (call.heard < call.talk.length && call.talk[call.heard].end_ms + 500 < at) call.heard++;
    this.setLast(call);
    call.feel();
  }

  setLast(call) {
    const last = call.said().findLast((u) => !u.gap);
    if (last) call.summary.last_words = { side: last.side, text: last.text };
  }

  tick(now = Date.now()) {
    this.ticks++;
    for (const call of [...this.running]) this.move(call, now);
    if (this.running.length < this.target && this.ticks % 20 === 0) this.begin(now);
    if (this.ticks % 10 === 0) this.publish('calls', 'system.load', '', this.load());
  }

  move(call, now) {
    if (call.summary.state === 'ringing') {
      if (now < call.answeredAt) return;
      call.answer();
      this.publish('calls', 'call.answered', call.summary.id, call.summary);
    }
    const at = now - call.answeredAt;
    const channel = `call:${call.summary.id}`;
    const live = call.summary.transcription.caller === 'live';
    const u = call.talk[call.heard];
    if (u && at > u.end_ms + 500) this.settle(call, channel, u, live);
    else if (u && live && !u.gap && at > u.start_ms + 300) this.grow(call, channel, u, at);
    if (this.ticks % 10 === 0) {
      for (const side of ['caller', 'agent']) this.publish(channel, 'call.quality', call.summary.id, { side, loss_pct: side === 'caller' ? call.summary.quality.loss_pct : 0, jitter_ms: 3 + Math.random() * 2, rtt_ms: 24, mos: side === 'caller' ? call.mos : 4.3 });
    }
    if (at > call.length) this.end(call, now);
  }

  settle(call, channel, u, live) {
    call.heard++;
    delete call.partial[u.side];
    if (!live) return;
    if (u.gap) this.publish(channel, 'transcript.gap', call.summary.id, { side: u.side, start_ms: u.start_ms, end_ms: u.end_ms, reason: u.reason });
    else this.publish(channel, 'transcript.final', call.summary.id, u);
    this.setLast(call);
    const fresh = call.feel();
    const id = call.summary.id;
    if (u.side === 'caller' && call.summary.mood) {
      this.publish(channel, 'emotion.reading', id, call.felt().at(-1));
      this.publish('calls', 'emotion.mood', id, call.summary.mood);
    }
    if (fresh) this.publish('calls', 'emotion.alert', id, call.alert);
    this.publish('calls', 'call.updated', id, call.summary);
  }

  grow(call, channel, u, at) {
    const heard = u.words.filter((w) => w.end_ms + 200 < at).map((w) => w.text);
    if (heard.length === 0) return;
    const glue = call.summary.language === 'zh-CN' ? '' : ' ';
    const text = heard.join(glue);
    if (call.partial[u.side]?.text === text) return;
    // The newest words may still change: now and then the last one is a wrong guess.
    const guess = heard.length % 4 === 3 && glue ? [...heard.slice(0, -1), 'uh'].join(glue) : text;
    const stable = Array.from(heard.slice(0, -2).join(glue)).length;
    call.partial[u.side] = { side: u.side, segment: u.segment, start_ms: u.start_ms, end_ms: at, text: guess, stable };
    this.publish(channel, 'transcript.partial', call.summary.id, call.partial[u.side]);
    if (u.side === 'caller' && this.ticks % 5 === 0) {
      const r = call.feelings[call.felt().length];
      if (r) this.publish(channel, 'emotion.reading', call.summary.id, { ...r, seq: 0, turn: false, start_ms: at - 3000, end_ms: at });
    }
  }

  end(call, now, cause = 'caller_hangup') {
    this.running = this.running.filter((c) => c !== call);
    call.finish(now, cause, call.summary.transcription.caller === 'deferred');
    call.length = Math.min(call.length, now - call.answeredAt);
    this.past.unshift(call);
    this.publish('calls', 'call.ended', call.summary.id, call.summary);
  }

  /** label notes what a person said of an alert, and ends an open one that is wrong. */
  label(call, body, by) {
    const alert = call.alert;
    if (!alert || alert.n !== body.alert) return false;
    call.labels.push({ side: 'caller', alert: alert.n, start_ms: alert.start_ms, end_ms: alert.end_ms, label: body.label, by, at: new Date().toISOString() });
    if (body.label === 'not_angry') {
      alert.state = 'dismissed';
      delete call.summary.alert;
      this.publish('calls', 'emotion.alert', call.summary.id, alert);
    }
    return true;
  }

  load() {
    const workers = this.workers();
    const channels = workers.reduce((sum, w) => sum + w.channels, 0);
    return { calls: this.running.length, workers, channels, capacity: workers.reduce((s, w) => s + w.capacity, 0), cpu: 22 + 9 * Math.sin(this.ticks / 37) + Math.random() * 6 };
  }

  workers() {
    const channels = this.running.length * 2;
    const worker = (n, mine, state) => ({ id: `asrd-${n}`, address: `unix:/run/tingxin/asrd-${n}.sock`, state, pid: 4100 + n, rss_mb: 312 + mine * 6 + n, channels: mine, capacity: 12, cpu_pct: 8 + mine * 4.5, lateness_p99_ms: 18 + mine * 3, restarts: n - 1, models: ['en-us static', 'en-us dynamic'] });
    return [worker(1, Math.ceil(channels / 2), 'ready'), worker(2, Math.floor(channels / 2), 'ready')];
  }

  system() {
    return {
      version: '0.1.0-mock', started_at: new Date(this.startedAt).toISOString(), calls: { active: this.running.length, max: 200 }, workers: this.workers(),
      trunks: [
        { name: 'provider', state: 'up', calls: this.running.filter((c) => c.summary.trunk === 'provider').length, max_calls: 120, cps: 20, last_options_at: new Date(Date.now() - 12_000).toISOString(), rejected: 3 },
        { name: 'office', state: 'down', calls: 0, max_calls: 30, cps: 5, rejected: 0 },
      ],
      database: { state: 'up', latency_ms: 0.6, queued_writes: 0 }, media: { ports_used: this.running.length * 2, ports_total: 5000, clock_late_p99_ms: 0.8 },
      models: [{ language: 'en', name: 'vosk-model-en-us', graph: 'static' }, { language: 'en', name: 'vosk-model-en-us', graph: 'dynamic' }], feed: { clients: 1, lost: 0 },
    };
  }
}
