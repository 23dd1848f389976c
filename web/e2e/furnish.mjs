// Puts into a server what a working day leaves there: people, conversations, tickets, queues. By the public
// API alone, in Chinese and English; for pictures and for walks over the pages. Twice is harmless for what has a name.

const people = [
  ['王建国', '+8613800138000', 'jianguo.wang@example.cn', ['vip'], 'zh-CN'],
  ['李晓梅', '+8613911112222', 'xiaomei@example.cn', [], 'zh-CN'],
  ['Emma Clarke', '+442071838750', 'emma.clarke@example.com', ['newsletter'], 'en'],
  ['陈志强', '+8613722223333', 'zq.chen@example.cn', ['complaint'], 'zh-CN'],
  ['Oliver Schmidt', '+493023125000', 'oliver@example.de', [], 'en'],
  ['赵敏', '+8613633334444', 'zhao.min@example.cn', [], 'zh-CN'],
];

const tickets = [
  ['快递三天没有更新', '单号 SF1234567890123，三天没有物流信息，请帮忙查询。', 'high', false, 0, 'zh-CN'],
  ['退款没有到账', '上周三退的货，仓库已签收，退款还没有到账。', 'normal', false, 1, 'zh-CN'],
  ['Kettle trips the fuse', 'Every time I switch the kettle on the fuse goes. It smells burnt.', 'urgent', false, 2, 'en'],
  ['客服态度问题', '上次通话的客服没有解决问题就挂了电话，我要投诉。', 'high', true, 3, 'zh-CN'],
  ['Invoice for order A20250702', 'Please send the invoice to our accounts department.', 'low', false, 4, 'en'],
  ['更换收货地址', '订单还没有发货，想把地址改成公司。', 'normal', false, 5, 'zh-CN'],
];

/** Plans of an automation: settings by path and name. */
const plans = [
  ['ticket-templates', 'complaint', { label_zh: '投诉', label_en: 'Complaint', type: 'complaint', subject: '{{contact.name}}: {{message.text}}', complaint: true, tasks: ['回电 Call back'], tags: ['complaint'] }],
  ['webhooks', 'crm', { label: 'CRM', url: 'https://crm.example/hook', secret: 'a secret of pictures', events: ['ticket.created', 'ticket.state'] }],
  ['macros', 'take-over', { label: '接手并加急 Take over', for: ['conversation', 'ticket'], actions: [{ do: 'assign', user: 'me' }, { do: 'priority', priority: 'urgent' }, { do: 'note', text: '{{agent.name}}' }] }],
  ['macros', 'ask-again', { label: '请客户补充 Ask for more', for: ['ticket'], actions: [{ do: 'reply', text: 'Please send us a photo of it.', text_zh: '麻烦您拍张照片发给我们。' }, { do: 'state', state: 'pending_customer' }] }],
  ['rules', 'danger', { label: '危险与法律 Danger', position: 10, when: ['ticket.created', 'ticket.commented'], if: { any: [{ field: 'ticket.text', op: 'lexicon', value: ['danger'] }, { all: [{ field: 'ticket.complaint', op: 'is', value: true }, { not: { field: 'contact.vip', op: 'is', value: false } }] }] }, then: [{ do: 'priority', priority: 'urgent' }, { do: 'add_labels', labels: ['danger'] }, { do: 'notify', users: ['zhou'], text: '#{{ticket.id}} {{ticket.subject}}' }], stop: true }],
  ['rules', 'silent', { label: '客户三天未回复 Silent for 3 days', position: 20, when: ['ticket.state'], after: '72h', if: { field: 'ticket.state', op: 'is', value: 'pending_customer' }, then: [{ do: 'reply', text: 'May we close this?', text_zh: '请问可以关闭吗？' }] }],
];

const welcome = `flow: welcome
version: 1
language: zh

nodes:
  - id: announce
    record:
      announce: "您好，这里是青山小铺，本次通话将被录音。"

  - id: menu
    menu:
      prompt:
        - "查询订单请按一，退换货请按二。"
        - {text: "For English press 9.", language: en}
      options: {"1": talk, "2": talk, "9": english}
      retries: 1
      no_input: "没有听到您的选择。"
      else: talk

  - id: english
    language: en

  - id: hello
    say: "Welcome. Please go ahead."
    next: talk

  - id: talk
    listen: {silence: 15s, limit: 30m}
`;

/** What a telephone wants: settings by path and name. */
const lines = [
  ['flows', 'welcome', { text: welcome }],
  ['trunks', 'carrier', { proxy: 'sip:sip.carrier.example:5060;transport=udp', addresses: ['203.0.113.10', '203.0.113.0/28'], codecs: ['PCMA', 'PCMU'], max_calls: 60, cps: 5, format: 'e164', probe: '30s' }],
  ['outbound', 'abroad', { trunk: 'carrier', prefixes: ['+'], order: 1 }],
  ['outbound', 'at-home', { trunk: 'carrier', prefixes: ['0', '1'], order: 2, prepend: '+86', strip: 0 }],
  ['numbers', 'hotline', { label: '客服热线 Hotline', numbers: ['4008001234', '+864008001234'], queue: 'support', language: 'zh', record: true }],
  ['numbers', 'returns', { label: '退换货 Returns', numbers: ['4008001235'], queue: 'returns', language: 'zh' }],
  ['alert-rules', 'long-wait', { label: '有人等了一分钟 Waited a minute', metric: 'oldest', operator: '>', value: 60, for: '5s', severity: 'warning', queues: ['returns'] }],
  ['alert-rules', 'nobody-there', { label: '没有空闲坐席 Nobody free', metric: 'free', operator: '<', value: 1, for: '2h', severity: 'critical', queues: ['support'] }],
];

const weekdays = { name: 'weekdays', zone: 'Asia/Shanghai', week: Object.fromEntries(['monday', 'tuesday', 'wednesday', 'thursday', 'friday'].map((day) => [day, [{ from: '09:00', to: '12:00' }, { from: '13:30', to: '18:00' }]])), days: [{ date: '2027-01-01', name: '元旦 New Year' }, { date: '2027-01-02', name: '调休 make-up day', spans: [{ from: '09:00', to: '18:00' }] }] };

const snippets = [
  ['hello', 'zh', '问候', '您好，{{contact.name}}，我是{{agent.name}}，很高兴为您服务。'],
  ['wait', 'zh', '请稍候', '请您稍等，我马上为您查询。'],
  ['photo', 'en', 'Ask for a photo', 'Could you send us a photo of it, {{contact.name}}? We will look into it at once.'],
];

const script = {
  title: '退货 Returns',
  lang: 'zh',
  queues: ['returns'],
  steps: [
    { title: '问候', say: '您好，这里是青山小铺，我是{{agent.name}}。', items: [{ text: '报姓名', phrases: ['我是'] }] },
    { title: '核对订单', say: '请问您的订单号是多少？', items: [{ text: '问订单号', phrases: ['订单号'] }, { text: '核对收货人', phrases: ['收货人'], optional: true }] },
    { title: '说明退货办法', items: [{ text: '七天无理由', phrases: ['七天'] }, { text: '运费由谁承担', phrases: ['运费'] }] },
  ],
};

/** What customers say of us: [kind, score, words, chips, whose]. */
const said = [
  ['csat', 1, '等了两个小时，退款还是没到，我要投诉', ['等待太久'], 1],
  ['csat', 2, 'Nobody could tell me when my order ships', ['no answer'], 2],
  ['csat', 5, '快递很快，谢谢', [], 0],
  ['csat', 4, 'Friendly and quick', [], 4],
  ['csat', 5, '', [], 5],
  ['nps', 10, '', [], 0],
  ['nps', 9, '会推荐给朋友', [], 5],
  ['nps', 6, '', [], 2],
  ['idea', undefined, '希望应用有夜间模式', [], 3],
];

/** Whom to call: [name, what agents are to say, queue, [whose, why, columns of the file]]; a list runs when somebody starts it. */
const toCall = [
  ['续约提醒 Renewals', '合同一个月内到期，介绍包年优惠。', 'support', [[0, '合同下周到期', { contract: 'K-204' }], [3, '合同月底到期', { contract: 'K-187' }], [5, '想换套餐', { contract: 'K-311' }]]],
  ['回访退货 After a return', 'Ask whether the refund has arrived.', 'returns', [[1, '退款应已到账', {}], [4, 'Refund of last week', {}]]],
];

const chats = [
  ['zh-CN', ['你好，怎么申请退货？', '订单号是 A2025070201', '转人工']],
  ['en', ['How long does delivery take?', 'I want to talk to a person please']],
  ['zh-CN', ['发票怎么开？']],
  ['zh-CN', ['优惠券用不了，太让人生气了！', '转人工']],
];

/**
 * furnish fills the server behind url. ask(method, path, body) calls the API as an administrator and returns
 * Playwright's response; articles are files {name, bytes} for the knowledge base. It returns the ids of what it made.
 */
export async function furnish(url, request, ask, csrf, articles = []) {
  const made = { contacts: [], tickets: [], conversations: [], cases: [], wall: '' };
  const json = async (answer, what) => {
    if (!answer.ok()) throw new Error(`${what}: ${answer.status()} ${(await answer.text()).slice(0, 300)}`);
    return answer.status() === 204 ? {} : answer.json();
  };
  for (const [username, name, role] of [
    ['lin', '林悦', 'agent'],
    ['grace', 'Grace Miller', 'agent'],
    ['zhou', '周蕾', 'supervisor'],
  ]) {
    const answer = await ask('POST', '/users', { username, name, role, password: 'a good picture day' });
    if (!answer.ok() && ![409, 422].includes(answer.status())) await json(answer, username);
  }
  const members = ['lin', 'grace'];
  const { items } = await json(await ask('GET', '/users'), 'users');
  for (const user of members) {
    const id = items.find((one) => one.username === user)?.id;
    await json(await ask('PUT', `/agents/${id}`, { capacity: 10, languages: ['zh', 'en'] }), user);
  }
  for (const [id, name] of [['support', '客服 Support'], ['returns', '退换货 Returns']])
    await json(await ask('PUT', `/queues/${id}`, { id, name, strategy: 'longest_idle', members: members.map((user) => ({ user })) }), id);
  await json(await ask('PUT', '/calendars/weekdays', weekdays), 'weekdays');
  for (const [path, name, doc] of [...plans, ...lines]) await json(await ask('PUT', `/settings/${path}/${name}`, { doc }), name);
  for (const file of articles) {
    const answer = await request.post(`${url}/api/v1/kb/import?publish=true&name=${file.name}`, { data: file.bytes, timeout: 240_000, headers: { 'Content-Type': 'application/octet-stream', 'X-CSRF-Token': csrf } });
    await json(answer, file.name);
  }

  for (const [name, phone, email, tags, language] of people) {
    const answer = await ask('POST', '/contacts', { name, language, tags, vip: tags.includes('vip'), identities: [{ kind: 'phone', value: phone, verified: true }, { kind: 'email', value: email, verified: true }] });
    if (answer.status() === 409) continue;
    made.contacts.push((await json(answer, name)).id);
  }
  for (const [subject, body, priority, complaint, who, language] of tickets) {
    const type = complaint ? 'complaint' : 'question';
    let answer = await ask('POST', '/tickets', { type, subject, body, priority, complaint, language, contact: made.contacts[who] });
    if (answer.status() === 422) answer = await ask('POST', '/tickets', { type: 'question', subject, body, priority, complaint, language, contact: made.contacts[who] });
    made.tickets.push((await json(answer, subject)).id);
  }
  await json(await ask('PUT', '/teams/east', { name: '华东组 East', members: ['lin', 'zhou'], queues: ['returns'] }), 'team');
  for (const [shortcut, lang, title, text] of snippets) {
    const answer = await ask('POST', '/snippets', { shortcut, lang, title, text });
    if (![409, 422].includes(answer.status())) await json(answer, shortcut);
  }
  const [known] = ((await json(await ask('GET', '/scripts'), 'scripts')).items ?? []).filter((one) => one.name === 'returns');
  if (!known) await json(await ask('PUT', '/scripts/returns', { version: 0, doc: script }), 'script');
  for (const [k, [kind, score, text, chips, who]] of said.entries()) {
    const answer = await json(await ask('POST', '/feedback', { kind, score, text, chips, contact: made.contacts[who], key: `furnish-${k}` }), 'feedback');
    if (answer.case) made.cases.push(answer.case);
  }
  if (made.cases[1]) await json(await ask('POST', `/cases/${made.cases[1]}/move`, { to: 'contacted', note: '已致电，了解情况。' }), 'case');
  for (const [number, urgency] of [['+8613800138000', 'high'], ['+442071838750', 'normal']]) await json(await ask('POST', '/callbacks', { queue: 'support', number, urgency }), 'call-back');
  const lists = (await json(await ask('GET', '/call-lists'), 'call lists')).items ?? [];
  for (const [name, note, queue, entries] of toCall) {
    if (lists.some((one) => one.name === name)) continue;
    const { id } = await json(await ask('POST', '/call-lists', { name, note, queue, mode: 'preview' }), name);
    await json(await ask('POST', `/call-lists/${id}/entries`, { people: entries.map(([who, note, data]) => ({ number: people[who][1], name: people[who][0], note, data })) }), name);
  }
  const kiosks = (await json(await ask('GET', '/kiosks'), 'kiosks')).items ?? [];
  if (kiosks.length === 0) made.wall = (await json(await ask('POST', '/kiosks', { name: '大厅 Hall', queues: ['support', 'returns'] }), 'kiosk')).token;
  const keys = (await json(await ask('GET', '/api-keys'), 'keys')).items ?? [];
  if (keys.length === 0) await json(await ask('POST', '/api-keys', { name: 'CRM', scopes: ['calls:read', 'tickets:read'], days: 90 }), 'key');
  for (const [lang, words] of chats) {
    const site = await request.post(`${url}/widget/session?site=default`, { data: {} });
    if (!site.ok()) break; // no web chat here
    const { token } = await site.json();
    const { notice } = await (await request.get(`${url}/widget/site?site=default`)).json();
    const send = async (...frames) => request.post(`${url}/widget/send?site=default`, { headers: { Authorization: `Bearer ${token}` }, data: { lang, frames } });
    if (notice?.version) await send({ type: 'consent', purpose: 'service', state: true, version: notice.version });
    for (const [k, text] of words.entries()) {
      await send({ type: 'msg', client_msg_id: `m${k}`, text });
      await new Promise((done) => setTimeout(done, 700));
    }
  }
  const list = await ask('POST', '/conversations/list', { filter: {}, limit: 20 });
  if (list.ok()) made.conversations = ((await list.json()).items ?? []).map((c) => c.id);
  return made;
}
