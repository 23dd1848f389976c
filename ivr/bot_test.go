package ivr

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

const botFlow = `flow: assistant
version: 1
language: zh
nodes:
  - id: talk
    bot:
      greeting: 您好，请讲。
      no_input: 您还在吗？
      silence: 5s
      retries: 1
      handover: people
      done: bye
      failed: sorry
  - id: people
    say: 转接
    next: end
  - id: sorry
    say: 抱歉
    next: end
  - id: bye
    say: 再见
  - id: end
    hangup: true
`

// mouth is a caller who talks; "" is a silence.
type mouth struct {
	rehearsal
	says     []string
	answers  map[string]Told
	packet   json.RawMessage
	fail     error
	listened []bool
	expected []Hearing
	messages []Mailbox
}

func (m *mouth) Expect(_ context.Context, h Hearing) error {
	m.expected = append(m.expected, h)
	return nil
}

func (m *mouth) TakeMessage(_ context.Context, b Mailbox, _ *Message) (string, MessageEnd, error) {
	m.messages = append(m.messages, b)
	return "1", MessageSilence, nil
}

func (m *mouth) Listening(_ context.Context, on bool) error {
	m.listened = append(m.listened, on)
	return nil
}

func (m *mouth) Words(context.Context, time.Duration) (Said, bool, error) {
	if len(m.says) == 0 {
		return Said{}, false, nil
	}
	s := m.says[0]
	m.says = m.says[1:]
	return Said{Text: s}, s != "", nil
}

func (m *mouth) PlayOver(ctx context.Context, p *Prompt) (bool, error) { return m.Play(ctx, p, true) }

func (m *mouth) Ask(_ context.Context, s Said) (Told, error) { return m.answers[s.Text], m.fail }

func (m *mouth) Packet(_ context.Context, p json.RawMessage) error {
	m.packet = p
	return nil
}

func TestBotNode(t *testing.T) {
	f, err := Parse("bot.yaml", []byte(botFlow))
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]Told{"运费": {Text: "满 99 元包邮 ${caller}", Language: "zh"}, "人工": {Text: "好的", Handover: true, Packet: json.RawMessage(`{"reason":"asked"}`)}, "再见": {Text: "祝好", Over: true}}
	for name, c := range map[string]struct {
		says []string
		fail error
		want []string
		node string
	}{
		"answers and a person": {says: []string{"运费", "", "人工"}, want: []string{"您好，请讲。", "满 99 元包邮 ${caller}", "您还在吗？", "好的", "转接"}, node: "people"},
		"goodbye":              {says: []string{"再见"}, want: []string{"您好，请讲。", "祝好", "再见"}, node: "bye"},
		"silence":              {want: []string{"您好，请讲。", "您还在吗？", "再见"}, node: "bye"},
		"a bot that fails":     {says: []string{"运费"}, fail: errors.New("away"), want: []string{"您好，请讲。", "抱歉"}, node: "sorry"},
	} {
		m := &mouth{says: c.says, answers: answers, fail: c.fail}
		if _, err := Run(t.Context(), m, f, wordsOnly{}, map[string]string{"caller": "1"}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var said []string
		node := false
		for _, s := range m.steps {
			if s.Did == "say" {
				said = append(said, s.What)
			}
			node = node || s.Did == "node" && s.What == c.node
		}
		if !slices.Equal(said, c.want) || !node || !slices.Equal(m.listened, []bool{true, false}) {
			t.Errorf("%s: said %q, node %s %v, listened %v", name, said, c.node, node, m.listened)
		}
		if (name == "answers and a person") != (string(m.packet) == `{"reason":"asked"}`) {
			t.Errorf("%s: packet %s", name, m.packet)
		}
	}
}

func TestBotNodeWithoutABot(t *testing.T) {
	f, err := Parse("bot.yaml", []byte(botFlow))
	if err != nil {
		t.Fatal(err)
	}
	steps, _, err := Rehearse(t.Context(), f, "", nil)
	if err != nil || !slices.ContainsFunc(steps, func(s Step) bool { return s.Did == "say" && s.What == "抱歉" }) {
		t.Errorf("%v %v", steps, err)
	}
}

func TestBotNodeIsChecked(t *testing.T) {
	for _, bad := range []string{"silence: 500ms", "retries: 99", "handover: nowhere"} {
		doc := strings.Replace(botFlow, "silence: 5s", bad, 1)
		if strings.HasPrefix(bad, "retries") || strings.HasPrefix(bad, "handover") {
			doc = strings.Replace(botFlow, map[bool]string{true: "retries: 1", false: "handover: people"}[bad[0] == 'r'], bad, 1)
		}
		if _, err := Parse("bot.yaml", []byte(doc)); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
