package ivr

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Message takes what a caller leaves on a machine: an announcement, a beep, and
// the recording until silence, a key or the limit.
type Message struct {
	Queue    string // whose machine: a queue's,
	Agent    string // or a user's, by name or extension; may hold ${variables}
	Announce []Speech
	NoBeep   bool
	Silence  time.Duration // that ends it; 4 s when zero
	Limit    time.Duration // of the recording; 2 min when zero
	Least    time.Duration // what is shorter is not kept; 1 s when zero
}

// MessageEnd says how a recording ended.
type MessageEnd string

// The ends.
const (
	MessageSilence MessageEnd = "silence"
	MessageKey     MessageEnd = "key"
	MessageLimit   MessageEnd = "limit"
	MessageHangup  MessageEnd = "hangup"
)

// Messenger is what a Line offers besides when messages can be left.
type Messenger interface {
	// TakeMessage beeps and records into the box of a queue, an agent or a survey; id names what was kept, empty when nothing was.
	TakeMessage(ctx context.Context, b Mailbox, m *Message) (id string, end MessageEnd, err error)
}

// Mailbox is where a message goes: a queue, an agent or a survey, by name.
type Mailbox struct{ Kind, Name string }

// Kinds of boxes.
const (
	BoxQueue  = "queue"
	BoxAgent  = "agent"
	BoxSurvey = "survey"
)

// ErrNoMessages says that a line takes no messages.
var ErrNoMessages = errors.New("nobody takes messages here")

// MessageNotice asks for a message, for flows without words of their own.
func MessageNotice(language string) Speech {
	if isChinese(language) {
		return Speech{Text: "请在提示音后留言，留言结束请按井号键。", Language: language}
	}
	return Speech{Text: "Please leave a message after the tone. Press the hash key when you are done.", Language: language}
}

func (m *Message) announcement(language string) []Speech {
	if len(m.Announce) > 0 {
		return m.Announce
	}
	return []Speech{MessageNotice(language)}
}

func (r *run) message(ctx context.Context, n *Node, m *Message) (string, error) {
	line, ok := r.line.(Messenger)
	if !ok {
		return "", ErrNoMessages
	}
	if _, err := r.say(ctx, m.announcement(r.language), true); err != nil {
		return "", err
	}
	box := Mailbox{BoxQueue, m.Queue}
	if m.Agent != "" {
		box = Mailbox{BoxAgent, r.fill(m.Agent)}
	}
	_, _, err := line.TakeMessage(ctx, box, m)
	return n.Next, err
}

// Survey asks the caller for a score after the talk, and for a comment.
type Survey struct {
	Ask
	Name     string // stands in the answers; the node's id when empty
	Min, Max int    // of the score, 0 to 10
	Comment  *Message
}

// SurveyAnswer is what a caller answered, from Min to Max; Score is nil without an answer.
type SurveyAnswer struct {
	Min, Max         int
	Survey, Question string
	Score            *int
	By               string // "key" or "voice"
	Comment          string // id of the message
}

// Surveyor is what a Line offers besides when answers are kept.
type Surveyor interface {
	Answered(ctx context.Context, a SurveyAnswer) error
}

// CommentNotice asks for a comment, for flows without words of their own.
func CommentNotice(language string) Speech {
	if isChinese(language) {
		return Speech{Text: "如果您愿意补充说明，请在提示音后讲话，结束请按井号键。", Language: language}
	}
	return Speech{Text: "If you would like to add a comment, please speak after the tone, and press the hash key when you are done.", Language: language}
}

func (s *Survey) commentPrompt(language string) []Speech {
	if s.Comment == nil {
		return nil
	}
	if len(s.Comment.Announce) > 0 {
		return s.Comment.Announce
	}
	return []Speech{CommentNotice(language)}
}

func (f *Flow) surveyName(n *Node) string { return firstOf(n.Survey.Name, f.Name+"/"+n.ID) }

// Scales are the least and most of all surveys of the flows, by the name that stands in their answers.
func (l *Library) Scales() map[string][2]int {
	out := make(map[string][2]int)
	for _, name := range l.Names() {
		f, _ := l.Flow(name)
		for i := range f.Nodes {
			if s := f.Nodes[i].Survey; s != nil {
				out[f.surveyName(&f.Nodes[i])] = [2]int{s.Min, s.Max}
			}
		}
	}
	return out
}

// survey asks, and keeps the answer, or that there was none.
func (r *run) survey(ctx context.Context, n *Node, s *Survey) (string, error) {
	line, ok := r.line.(Surveyor)
	if !ok {
		return n.Next, nil // a line that keeps no answers asks no questions
	}
	a := SurveyAnswer{Survey: r.flow.surveyName(n), Min: s.Min, Max: s.Max}
	if len(s.Prompt) > 0 {
		a.Question = r.fill(s.Prompt[0].Text)
	}
	score, by, err := r.score(ctx, n, s)
	if err != nil {
		return "", errors.Join(err, line.Answered(context.WithoutCancel(ctx), a)) // who hangs up at the question has not answered it
	}
	if by != "" {
		a.Score, a.By = &score, by
	}
	if by != "" && s.Comment != nil {
		if m, ok := r.line.(Messenger); ok {
			if _, err := r.say(ctx, s.commentPrompt(r.language), true); err != nil {
				return "", errors.Join(err, line.Answered(context.WithoutCancel(ctx), a))
			}
			a.Comment, _, err = m.TakeMessage(ctx, Mailbox{BoxSurvey, a.Survey}, s.Comment)
		}
	}
	return n.Next, errors.Join(err, line.Answered(context.WithoutCancel(ctx), a))
}

// score asks for a number between Min and Max; by is empty when there was none.
func (r *run) score(ctx context.Context, n *Node, s *Survey) (score int, by string, err error) {
	q, err := r.ask(ctx, n, &s.Ask, Hearing{Phrases: scoreWords(r.language, s.Min, s.Max), Digits: true})
	if err != nil {
		return 0, "", err
	}
	defer q.close()
	for {
		if err := q.say(ctx, s.Prompt); err != nil {
			return 0, "", err
		}
		in, err := q.input(ctx, s.Timeout)
		if err != nil {
			return 0, "", err
		}
		if in.Key == '1' && s.Max == 10 { // 1 or 10
			second, err := q.input(ctx, s.Timeout/3)
			if err != nil {
				return 0, "", err
			}
			if second.Key == '0' {
				return 10, "key", nil
			}
		}
		if v, by := scoreOf(in); by != "" && v >= s.Min && v <= s.Max {
			return v, by, nil
		}
		if again, err := q.again(ctx, in.Key != 0 || in.Said != ""); !again || err != nil {
			return 0, "", err
		}
	}
}

func scoreOf(in Input) (score int, by string) {
	if in.Key >= '0' && in.Key <= '9' {
		return int(in.Key - '0'), "key"
	}
	if in.Said == "" {
		return 0, ""
	}
	if n, ok := oneNumber(in.Said); ok {
		return n, "voice"
	}
	return 0, ""
}

// oneNumber is the only number from 0 to 99 in a sentence.
func oneNumber(said string) (n int, ok bool) {
	words := wordsOf(said)
	var found []string
	for _, w := range words {
		digit, isDigit := digitOf[w]
		switch {
		case w == "十":
			found = append(found, "10")
		case tensOf[w] != "":
			found = append(found, tensOf[w])
		case isDigit && (len(words) == 1 || !homophones[w]):
			found = append(found, string(digit))
		case strings.Trim(w, "0123456789") == "":
			found = append(found, w)
		}
	}
	if len(found) != 1 || len(found[0]) > 2 {
		return 0, false
	}
	n, err := strconv.Atoi(found[0])
	return n, err == nil
}

// homophones are words that are digits only when they stand alone.
var homophones = map[string]bool{"to": true, "too": true, "for": true, "won": true, "ate": true, "o": true, "oh": true}

func scoreWords(language string, least, most int) []string {
	words := []string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
	if isChinese(language) {
		words = []string{"零", "一", "二", "三", "四", "五", "六", "七", "八", "九", "十"}
	}
	return words[max(least, 0):min(most+1, len(words))]
}
