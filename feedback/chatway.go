package feedback

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"tingxin/chat"
	"tingxin/pg"
)

// sender is what the way by chat needs of chat.Service.
type sender interface {
	Send(ctx context.Context, d chat.Draft) (chat.Message, error)
	CloseConversation(ctx context.Context, id chat.ID, by chat.Actor) error
	Reach(ctx context.Context, id chat.ID, question bool) (chat.Reach, error)
}

// ChatWay writes into the conversation that a case is about, else into the latest ones of the same person,
// on whatever channel still takes a message. Where no buttons are seen a question says in words how it is answered;
// Service.Tail puts the page behind it.
type ChatWay struct {
	db   *pg.DB
	chat sender
}

// NewChatWay makes it.
func NewChatWay(db *pg.DB, c sender) *ChatWay { return &ChatWay{db, c} }

// Name implements Way.
func (w *ChatWay) Name() string { return "chat" }

// Carry implements Way.
func (w *ChatWay) Carry(ctx context.Context, l *Letter) (string, error) {
	ids := []chat.ID{chat.ID(l.Conversation)}
	if l.Conversation == 0 {
		var err error
		ids, err = pg.Rows(ctx, w.db, pgx.RowTo[chat.ID], `select id from (
			select id, 0 as far, last_at from conversations where id = $1
			union (select c.id, 1, c.last_at from conversations c where c.contact_id in (select k.id from contacts k join contacts me on me.root = k.root where me.id = $2) and c.state <> 'merged'
				order by c.last_at desc limit 5)) x order by far, last_at desc`, conversationOf(l.Reason), l.Contact)
		if err != nil {
			return "", fmt.Errorf("conversations of a case: %w", err)
		}
	}
	for _, id := range ids {
		m, err := w.say(ctx, id, l)
		if err == nil {
			return fmt.Sprintf("message:%d", m.ID), nil
		}
		if !shut(err) {
			return "", err
		}
	}
	return "", ErrShut
}

// shut tells whether a conversation takes no message now.
func shut(err error) bool {
	return errors.As(err, new(*chat.WindowError)) || errors.Is(err, chat.ErrState) || errors.Is(err, chat.ErrNoChannel) || errors.Is(err, pg.ErrNotFound)
}

// Open tells whether a question would leave in a conversation now; ErrShut when not.
func (w *ChatWay) Open(ctx context.Context, conversation int64) error {
	r, err := w.chat.Reach(ctx, chat.ID(conversation), true)
	if err == nil {
		err = r.Shut
	}
	if err != nil && shut(err) {
		return ErrShut
	}
	return err
}

// say writes a letter into one conversation.
func (w *ChatWay) say(ctx context.Context, id chat.ID, l *Letter) (chat.Message, error) {
	d := chat.Draft{Conversation: id, Author: chat.Author{Kind: chat.System, Name: l.Author}, Text: l.Body, Late: true, ClientID: letterID(l)}
	if len(l.Choices) == 0 {
		return w.chat.Send(ctx, d)
	}
	d.Question, d.Data = true, &chat.Data{}
	for _, c := range l.Choices {
		d.Data.Choices = append(d.Data.Choices, chat.Button{ID: l.button(c.Score), Label: c.Label})
	}
	r, err := w.chat.Reach(ctx, id, true)
	if err == nil {
		err = r.Shut
	}
	if err != nil {
		return chat.Message{}, err
	}
	if !r.Buttons {
		d.Text += "\n" + line(l.Language, "reply_"+l.Kind)
	}
	return w.chat.Send(ctx, d)
}

// letterID is what makes sending a letter again harmless, and tells later which question was answered.
func letterID(l *Letter) string {
	if l.Survey != 0 {
		return fmt.Sprintf("%s%d", surveyPrefix, l.Survey)
	}
	return fmt.Sprintf("%s%d", optionPrefix, l.Message)
}

// asked reads which question a message was, by what letterID made.
func asked(clientID string) (id int64, ofSurvey, ok bool) {
	digits, ofSurvey := strings.CutPrefix(clientID, surveyPrefix)
	if !ofSurvey {
		if digits, ok = strings.CutPrefix(clientID, optionPrefix); !ok {
			return 0, false, false
		}
	}
	id, err := strconv.ParseInt(digits, 10, 64) // more behind it: thanks for an answer
	return id, ofSurvey, err == nil && id > 0
}

// question is the one of a case, by its message.
type question struct {
	Case     CaseID
	Round    int
	Language string
}

func (s *Service) question(ctx context.Context, message int64) (question, error) {
	return pg.Row(ctx, s.db, pgx.RowToStructByPos[question], `select m.case_id, m.round, c.language from case_messages m join feedback_cases c on c.id = m.case_id where m.id = $1 and m.kind = 'question'`, message)
}

// Tail is what follows a question of ours on its way to a customer who sees no buttons: the page on which it is answered too. The
// address is made as the question leaves; agents, who see the thread, do not see it.
func (s *Service) Tail(ctx context.Context, m chat.Message) (string, error) {
	id, ofSurvey, ok := asked(m.ClientID)
	if !ok || s.cfg.URL == "" {
		return "", nil
	}
	kind, object, lang := LinkSurvey, id, ""
	if ofSurvey {
		v, err := s.GetSurvey(ctx, id)
		if err != nil {
			return "", butGone(err)
		}
		lang = v.Language
	} else {
		q, err := s.question(ctx, id)
		if err != nil {
			return "", butGone(err)
		}
		kind, object, lang = LinkCase, int64(q.Case), q.Language
	}
	l, err := s.MakeLink(ctx, kind, object, "system")
	if err != nil {
		return "", err
	}
	return line(lang, "reply_page", strings.TrimSuffix(s.cfg.URL, "/")+doors[kind]+l.Token+"?lang="+lang), nil
}

// butGone is nil for what is not there: it is no question, or was erased.
func butGone(err error) error {
	if errors.Is(err, pg.ErrNotFound) {
		return nil
	}
	return err
}

func (l *Letter) button(score int) string {
	if l.Survey != 0 {
		return fmt.Sprintf("%s%d:%d", surveyPrefix, l.Survey, score)
	}
	return option(l.Case, l.Round, score)
}

// conversationOf is the conversation that a reason names, 0 for others.
func conversationOf(reason string) int64 {
	digits, ok := strings.CutPrefix(reason, "conversation:")
	n, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil {
		return 0
	}
	return n
}

// What buttons and questions of ours begin with.
const (
	optionPrefix = "case:"
	surveyPrefix = "survey:"
)

func option(id CaseID, round, score int) string {
	return fmt.Sprintf("%s%d:%d:%d", optionPrefix, id, round, score)
}

// parseOption reads the id of a button of the question.
func parseOption(text string) (id CaseID, round, score int, ok bool) {
	rest, ours := strings.CutPrefix(text, optionPrefix)
	parts := strings.Split(rest, ":")
	if !ours || len(parts) != 3 || len(rest) > 40 {
		return 0, 0, 0, false
	}
	n, err1 := strconv.ParseInt(parts[0], 10, 64)
	r, err2 := strconv.Atoi(parts[1])
	sc, err3 := strconv.Atoi(parts[2])
	ok = err1 == nil && err2 == nil && err3 == nil && n > 0 && r > 0 && sc >= 1 && sc <= 5
	return CaseID(n), r, sc, ok
}

// parseSurvey reads the id of a button of a survey.
func parseSurvey(text string) (id int64, score int, ok bool) {
	rest, ours := strings.CutPrefix(text, surveyPrefix)
	first, second, two := strings.Cut(rest, ":")
	n, err1 := strconv.ParseInt(first, 10, 64)
	sc, err2 := strconv.Atoi(second)
	return n, sc, ours && two && len(rest) <= 40 && err1 == nil && err2 == nil && n > 0 && sc >= 0 && sc <= 10
}

// Hook looks at what customers write before, or beside, the bot: answers to our questions are taken, pressed or in
// words, and not given to next; complaints are kept; what waits for the customer is tried. bot is nil when there is none.
// Errors let chat come again.
func (s *Service) Hook(c sender, next chat.Hook, bot Answers) chat.Hook {
	return func(ctx context.Context, conv chat.Conversation, m chat.Message) error {
		if conv.ContactID != nil {
			if err := s.known(ctx, int64(conv.ID), *conv.ContactID); err != nil {
				return err
			}
		}
		if taken, err := s.answers(ctx, c, &conv, &m); err != nil || taken {
			return err
		}
		if next != nil {
			if err := next(ctx, conv, m); err != nil {
				return err
			}
		}
		if m.Kind == chat.Text {
			if err := s.Looked(ctx, int64(conv.ID), int64(m.ID), m.Text, bot); err != nil {
				return fmt.Errorf("look for a complaint: %w", err)
			}
		}
		if conv.ContactID != nil {
			return s.Seen(ctx, *conv.ContactID)
		}
		return nil
	}
}

// given is a customer's answer to a question of ours.
type given struct {
	conv    *chat.Conversation
	message chat.MessageID
	score   int
	comment string
}

// answers takes a message that is an answer to a question of ours; taken says that it is nothing else.
func (s *Service) answers(ctx context.Context, c sender, conv *chat.Conversation, m *chat.Message) (taken bool, err error) {
	g := given{conv: conv, message: m.ID}
	switch m.Kind {
	case chat.Choice:
		var d chat.Data
		if json.Unmarshal(m.Data, &d) != nil {
			return false, nil
		}
		if strings.HasPrefix(d.Option, optionPrefix) {
			id, round, score, ok := parseOption(d.Option)
			if !ok {
				s.refused.Add(1)
				return true, nil
			}
			g.score = score
			return true, s.ofCase(ctx, c, &g, id, round)
		}
		if strings.HasPrefix(d.Option, surveyPrefix) {
			id, score, ok := parseSurvey(d.Option)
			if !ok {
				s.refused.Add(1)
				return true, nil
			}
			g.score = score
			return true, s.ofSurvey(ctx, c, &g, id)
		}
	case chat.Text:
		return s.inWords(ctx, c, &g, m)
	}
	return false, nil
}

// inWords takes a plain message as the answer, when the last thing that we said was the question.
func (s *Service) inWords(ctx context.Context, c sender, g *given, m *chat.Message) (taken bool, err error) {
	if len(m.Text) > maxReply || len(m.Files) > 0 {
		return false, nil
	}
	last, err := pg.Row(ctx, s.db, pgx.RowTo[string], `select coalesce(client_id, '') from messages where thread_id = $1 and direction = 'out' and kind = 'text' and id < $2 order by id desc limit 1`, g.conv.ID, m.ID)
	if errors.Is(err, pg.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("what was said last in conversation %d: %w", g.conv.ID, err)
	}
	id, ofSurvey, ok := asked(last)
	if !ok {
		return false, nil
	}
	if ofSurvey {
		v, err := s.GetSurvey(ctx, id)
		if errors.Is(err, pg.ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if g.score, g.comment, taken = ReadReply(string(v.Kind), m.Text); !taken || v.State == surveyExpired {
			return false, nil
		}
		return !asksToo(g.comment), s.ofSurvey(ctx, c, g, id)
	}
	q, err := s.question(ctx, id)
	if errors.Is(err, pg.ErrNotFound) { // another message of a case
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if g.score, g.comment, taken = ReadReply("question", m.Text); !taken {
		return false, nil
	}
	return !asksToo(g.comment), s.ofCase(ctx, c, g, q.Case, q.Round)
}

// ofSurvey takes the answer to a survey.
func (s *Service) ofSurvey(ctx context.Context, c sender, g *given, id int64) error {
	v, err := s.GetSurvey(ctx, id)
	if errors.Is(err, pg.ErrNotFound) {
		s.refused.Add(1)
		return nil
	}
	if err != nil {
		return err
	}
	scale := scales[string(v.Kind)]
	mine, err := s.same(ctx, v.Contact, v.Conversation, g.conv)
	if err != nil {
		return err
	}
	if !mine || g.score < scale[0] || g.score > scale[1] { // of somebody else
		s.refused.Add(1)
		return nil
	}
	a, err := s.AnswerSurvey(ctx, id, g.score, g.comment, "chat")
	switch {
	case errors.Is(err, ErrAsked), errors.Is(err, ErrLate):
		s.repeated.Add(1)
	case err != nil:
		return err
	case a.Case == 0: // else the case has its own words
		s.thank(ctx, c, g, fmt.Sprintf("%s%d:thanks", surveyPrefix, id), line(v.Language, "thanks"))
	}
	return s.shutAgain(ctx, c, g)
}

// ofCase takes the answer to the question whether a case is solved.
func (s *Service) ofCase(ctx context.Context, c sender, g *given, id CaseID, round int) error {
	k, err := s.Get(ctx, id)
	if errors.Is(err, pg.ErrNotFound) {
		s.refused.Add(1)
		return nil
	}
	if err != nil {
		return err
	}
	mine, err := s.same(ctx, k.Contact, conversationOf(k.Reason), g.conv)
	if err != nil {
		return err
	}
	if !mine { // a button of somebody else's case
		s.refused.Add(1)
		return nil
	}
	_, err = s.Answer(ctx, id, round, g.score, g.comment, "customer")
	switch {
	case errors.Is(err, ErrAsked), errors.Is(err, ErrMove):
		s.repeated.Add(1)
	case err != nil:
		return err
	default:
		s.thank(ctx, c, g, fmt.Sprintf("%s%d:%d:thanks", optionPrefix, id, round), Thanks(k.Language, g.score))
	}
	return s.shutAgain(ctx, c, g)
}

// same tells whether a conversation is the one that was asked in, or of the same person.
func (s *Service) same(ctx context.Context, contact, conversation int64, conv *chat.Conversation) (bool, error) {
	return pg.Row(ctx, s.db, pgx.RowTo[bool], `select $1::bigint = $2 or exists (select from contacts a join contacts b on a.root = b.root where a.id = $3 and b.id = $4)`,
		conversation, int64(conv.ID), contact, conv.ContactID)
}

func (s *Service) thank(ctx context.Context, c sender, g *given, key, words string) {
	d := chat.Draft{Conversation: g.conv.ID, Author: chat.Author{Kind: chat.System}, Text: words, Late: true, ClientID: key}
	if _, err := c.Send(ctx, d); err != nil && !shut(err) {
		s.log.Warn("thanks for an answer did not leave", "conversation", g.conv.ID, "error", err)
	}
}

// shutAgain closes the conversation that an answer opened, unless the customer wants something of a person, or of us, too.
func (s *Service) shutAgain(ctx context.Context, c sender, g *given) error {
	if g.conv.Handler == chat.ByAgent || asksToo(g.comment) {
		return nil
	}
	opened, err := pg.Row(ctx, s.db, pgx.RowTo[bool], `select coalesce(c.queued_at = m.created_at, false) from conversations c join messages m on m.thread_id = c.id where c.id = $1 and m.id = $2`, g.conv.ID, g.message)
	if err != nil {
		return fmt.Errorf("what opened conversation %d: %w", g.conv.ID, err)
	}
	if !opened { // the customer waits for a person, or talks with the bot
		return nil
	}
	if err := c.CloseConversation(ctx, g.conv.ID, chat.Actor{Kind: chat.System}); err != nil && !errors.Is(err, chat.ErrState) {
		return err
	}
	return nil
}
