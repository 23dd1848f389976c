// Made-up conversations. Each line: side, what is heard word by word, how it is written when final.
// In the raw words "=" binds several into one written piece: "twenty=dollars>$20".

const english = [
  ['agent', 'Welcome to Tingxin. This call is recorded and written down. How can we help you?'],
  ['caller', 'Hi, my name is Dana Whitfield. I ordered a coffee machine three=weeks>3-weeks ago and it still has not arrived.'],
  ['agent', 'I am sorry to hear that. Can you tell me the order number?'],
  ['caller', 'Yes it is four=four=one=seven>4417 double nine two=zero>20, I think.'],
  ['agent', 'Thank you. I see it here. The parcel was handed over on the twelfth=of=november>12-November and then it stopped moving.'],
  ['caller', 'That is what the tracking page says too. I paid eighty=nine=dollars>$89 for express delivery.'],
  ['agent', 'I will start an inquiry with the carrier right now and return the express fee to you.'],
  ['caller', 'Okay. And if the parcel is really lost, do I get a refund or a new machine?'],
  ['agent', 'Whichever you prefer. We decide on friday=the=twenty=seventh>Friday,-27, and I will call you back before five=pm>5-PM.'],
  ['caller', 'A new one please. My kitchen has been very quiet in the morning.'],
  ['agent', 'I understand that completely. Is there anything else?'],
  ['caller', 'No, that was all. Thank you for being so quick.'],
];

const chinese = [
  ['agent', '您好 , 这里是 听心 客服 , 本次 通话 将 录音 。 请问 有 什么 可以 帮 您 ?'],
  ['caller', '你好 , 我 上个 星期 买 的 耳机 左边 没有 声音 , 想 申请 退款 。'],
  ['agent', '很 抱歉 给 您 带来 不便 。 麻烦 您 报 一下 订单 号 。'],
  ['caller', '好 的 , 订单 号 是 二=零=二=六=一=一=零=八>20261108 。'],
  ['agent', '谢谢 , 已经 查到 了 , 这副 耳机 的 价格 是 三=百=九=十=九=元>399元 , 还 在 七=天>7天 无 理由 退货 期限 内 。'],
  ['caller', '那 运费 谁 出 呢 ? 上次 退货 我 自己 付 了 十=二=块>12块 。'],
  ['agent', '质量 问题 运费 由 我们 承担 , 快递员 明天 下午 上门 取件 。'],
  ['caller', '可以 , 退款 大概 多久 能 到 账 ?'],
  ['agent', '我们 收到 以后 二=十=四=小时>24小时 内 退回 原 支付 账户 。'],
  ['caller', '明白 了 , 谢谢 你 , 态度 真 好 。'],
];

const delivery = [
  ['agent', 'Welcome to Tingxin. This call is recorded and written down. How can we help you?'],
  ['caller', 'Good morning. I would like to move my appointment from tuesday to thursday afternoon.'],
  ['agent', 'Of course. There is a free place at half=past=two>2:30 and one at four>4.'],
  ['caller', 'Half=past=two>2:30 sounds good. Could you also send me the address again?'],
  ['agent', 'I have just sent it to you. You will find the parking garage on the second=floor>2nd-floor.'],
  ['caller', 'Perfect. Have a nice day.'],
];

const warranty = [
  ['agent', '您好 , 这里是 听心 客服 , 请 讲 。'],
  ['caller', '我 想 问 一下 空调 保修 的 事情 , 去年 夏天 装 的 , 现在 不 制热 了 。'],
  ['agent', '整机 保修 六=年>6年 , 您 的 还 在 保修 期 内 。 请问 显示屏 上 有 错误 代码 吗 ?'],
  ['caller', '有 , 显示 E=六>E6 。'],
  ['agent', '这 一般 是 室内机 和 室外机 通信 故障 , 我 给 您 安排 师傅 上门 , 后天 上午 九=点=半>9:30 方便 吗 ?'],
  ['caller', '方便 , 麻烦 师傅 来 之前 打 个 电话 。'],
];

export const talks = { en: [english, delivery], 'zh-CN': [chinese, warranty] };

const punctuation = /^[,.?!。,?!、]+$/;

/** compile gives a talk its times: utterances as of the API, offsets in characters. */
export function compile(lines, chinese) {
  const seqs = { caller: 0, agent: 0 };
  const written = (s) => s.replaceAll('-', ' ');
  let at = 900;
  return lines.map(([side, line], turn) => {
    const words = [];
    const spans = [];
    let text = '';
    for (const token of line.split(' ')) {
      if (punctuation.test(token)) {
        text += chinese ? token.replace(',', '\uff0c').replace('?', '\uff1f') : token;
        at += 160;
        continue;
      }
      const [, heard, shown, tail] = /^(.+?)(?:>(.+?))?([,.?!]*)$/.exec(token);
      const from = words.length;
      for (const word of heard.split('=')) {
        const length = chinese ? 190 * Array.from(word).length : 130 + 42 * word.length;
        words.push({ text: chinese ? word : word.toLowerCase(), start_ms: at, end_ms: at + length - 20, conf: Math.round((0.62 + 0.38 * Math.abs(Math.sin(at * 12.9898))) * 100) / 100 });
        at += length;
      }
      if (text && !chinese) text += ' ';
      const start = Array.from(text).length;
      text += shown ? written(shown) : heard;
      spans.push({ text_start: start, text_end: Array.from(text).length, from, to: words.length });
      text += tail;
      at += tail ? 190 : 0;
    }
    const u = { side, seq: seqs[side]++, segment: seqs[side], start_ms: words[0].start_ms, end_ms: words.at(-1).end_ms, text, raw: words.map((w) => w.text).join(' '), words, spans, turn, late: false, gap: false };
    at += 850;
    return u;
  });
}
