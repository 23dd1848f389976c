package main

import (
	"archive/zip"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/api"
	"tingxin/call"
	"tingxin/chat"
	webchat "tingxin/chat/web"
	"tingxin/contact"
	"tingxin/feedback"
	"tingxin/kb"
	"tingxin/pg"
	"tingxin/queue"
	"tingxin/sip"
	"tingxin/ticket"
)

// house is what visitors of web pages are offered beside the chat.
func (s *server) house() webchat.House {
	return webchat.House{Home: &lobby{s: s}, Feedback: raters{s}, Tickets: letters{s}, Calls: booth{s}, Privacy: &rights{s: s}}
}

// raters takes what visitors think of the service.
type raters struct{ s *server }

var _ webchat.Feedback = raters{}

// Rate implements webchat.Feedback.
func (v raters) Rate(ctx context.Context, conversation chat.ID, score int, reasons []string, comment string) error {
	return forVisitors(v.s.feedback.Rate(ctx, int64(conversation), score, reasons, comment))
}

// Complain implements webchat.Feedback.
func (v raters) Complain(ctx context.Context, conversation chat.ID, kind, text string) (ref string, err error) {
	ref, err = v.s.feedback.Complain(ctx, int64(conversation), kind, text)
	return ref, forVisitors(err)
}

// forVisitors says in chat's words why feedback is not taken; else a page would try again for ever.
func forVisitors(err error) error {
	var unfit *ticket.InvalidError
	switch {
	case errors.Is(err, feedback.ErrLate):
		return fmt.Errorf("%w: %w", chat.ErrState, err)
	case errors.As(err, &unfit):
		return fmt.Errorf("%w: %w", chat.ErrBad, err)
	}
	return err
}

// lobby is what visitors see first.
type lobby struct {
	s *server

	mu     sync.Mutex
	at     time.Time
	boards map[string]webchat.Desk // guarded by mu: by queue
}

var _ webchat.Home = (*lobby)(nil)

// deskFor is how long what was read of the queues is good for visitors.
const deskFor = 5 * time.Second

// Popular implements webchat.Home.
func (l *lobby) Popular(lang string, n int) []webchat.Question {
	out := []webchat.Question{}
	if l.s.kb == nil || l.s.kb.Config().HelpOff {
		return out
	}
	for _, p := range l.s.kb.Popular(lang, n) {
		out = append(out, webchat.Question{Text: p.Title, URL: articleURL(p)})
	}
	return out
}

func articleURL(p *kb.Published) string { return "/help/" + p.Lang + "/a/" + url.PathEscape(p.Key) }

// Article implements webchat.Home.
func (l *lobby) Article(key, title string) string {
	if l.s.kb == nil || l.s.kb.Config().HelpOff {
		return ""
	}
	for _, lang := range kb.Languages { // the one that was shown has this title
		if p := l.s.kb.Find(key, lang, kb.Public); p != nil && p.Title == title {
			return articleURL(p)
		}
	}
	return ""
}

// Desk implements webchat.Home. A queue that nobody knows is open, with nobody there.
func (l *lobby) Desk(ctx context.Context, name string) (webchat.Desk, error) {
	name = cmp.Or(name, l.s.cfg.Chat.Queue, "support")
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.at) > deskFor {
		boards, err := l.read(ctx, now)
		if err != nil && l.boards == nil {
			return webchat.Desk{}, err
		}
		if err == nil {
			l.boards = boards
		}
		l.at = now // while it cannot be read, what was read last holds
	}
	if d, ok := l.boards[name]; ok {
		return d, nil
	}
	return webchat.Desk{Open: true, WaitS: -1}, nil
}

func (l *lobby) read(ctx context.Context, now time.Time) (map[string]webchat.Desk, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	store := l.s.queues.Store()
	all, err := store.Queues(ctx)
	if err != nil {
		return nil, err
	}
	boards, err := l.s.queues.Boards(ctx)
	if err != nil {
		return nil, err
	}
	out := make(map[string]webchat.Desk, len(all))
	for i := range all {
		d := webchat.Desk{Open: true, WaitS: -1}
		c, err := l.s.queues.Hours().OfQueue(ctx, all[i].ID)
		if err != nil && !errors.Is(err, queue.ErrNoQueue) && !errors.Is(err, queue.ErrNoCalendar) { // of one that was made a moment ago
			return nil, err
		}
		if c != nil {
			if d.Open = c.Open(now); !d.Open {
				if next, ok := c.NextOpen(now); ok {
					next = next.UTC()
					d.Opens = &next
				}
			}
		}
		if j := slices.IndexFunc(boards, func(b queue.Board) bool { return b.Queue == all[i].ID }); j >= 0 && boards[j].Estimate >= 0 {
			d.WaitS = int(boards[j].Estimate.Seconds())
		}
		out[string(all[i].ID)] = d
	}
	return out, nil
}

// siteChats are conversations as the bot hands them over: those of a site that has a queue go there.
type siteChats struct {
	*chat.Service
	s *server
}

func (c siteChats) queueOf(ctx context.Context, id chat.ID, name string) string {
	if name != "" && name != c.s.cfg.Bot.Queue && name != "support" { // somebody has chosen
		return name
	}
	conv, err := c.Conversation(ctx, id)
	if err != nil || conv.Channel != webchat.Name {
		return name
	}
	return cmp.Or(c.s.webchat.QueueOf(ctx, conv.Account), name)
}

// HandOver implements bot.Conversations.
func (c siteChats) HandOver(ctx context.Context, id chat.ID, name string, packet chat.Packet) error {
	return c.Service.HandOver(ctx, id, c.queueOf(ctx, id, name), packet)
}

// HandOverForGood implements bot.Conversations.
func (c siteChats) HandOverForGood(ctx context.Context, id chat.ID, name string, packet chat.Packet) error {
	return c.Service.HandOverForGood(ctx, id, c.queueOf(ctx, id, name), packet)
}

// letters are messages left while nobody is there: tickets.
type letters struct{ s *server }

var _ webchat.Tickets = letters{}

// Leave implements webchat.Tickets.
func (l letters) Leave(ctx context.Context, c chat.Conversation, in webchat.Letter) (string, error) {
	said, err := l.said(in)
	if err != nil {
		return "", err
	}
	id, err := chatContacts{l.s.persons}.Resolve(ctx, c)
	if err != nil {
		return "", err
	}
	kind, err := l.kind(ctx)
	if err != nil {
		return "", err
	}
	err = l.s.db.Tx(ctx, func(tx pgx.Tx) error {
		for _, k := range said {
			if _, err := l.s.persons.Add(ctx, tx, contact.ID(id), k); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	subject := strings.Join(strings.Fields(in.Text), " ")
	if r := []rune(subject); len(r) > 80 {
		subject = string(r[:79]) + "…"
	}
	lang, _, _ := strings.Cut(in.Lang, "-")
	t, err := l.s.tickets.Create(ctx, ticket.Draft{Type: kind, Subject: subject, Body: in.Text, Language: lang, Contact: id, Source: "customer", SourceRef: "conversation:" + c.ID.String()},
		ticket.Customer) // the name is the contact's
	if errors.As(err, new(*ticket.InvalidError)) {
		return "", fmt.Errorf("%w: %w", chat.ErrBad, err)
	}
	if err != nil {
		return "", err
	}
	ref := strconv.FormatInt(int64(t.ID), 10)
	l.s.note(ctx, c.ID, "letter_left", "letter:"+ref, map[string]string{"ticket": ref})
	return ref, nil
}

// said are the addresses that a letter names. Nobody has proven them.
func (l letters) said(in webchat.Letter) ([]contact.Key, error) {
	var out []contact.Key
	for kind, value := range map[contact.Kind]string{contact.KindEmail: in.Email, contact.KindPhone: in.Phone} {
		if value == "" {
			continue
		}
		if _, err := contact.Normalise(kind, value, l.s.cfg.Contact.Region); err != nil {
			return nil, fmt.Errorf("%w: %w", chat.ErrBad, err)
		}
		out = append(out, contact.Key{Kind: kind, Value: value, Source: webchat.Name, Name: in.Name})
	}
	return out, nil
}

// kind is the type of ticket that a letter becomes.
func (l letters) kind(ctx context.Context) (string, error) {
	all, err := l.s.tickets.Types(ctx)
	if err != nil {
		return "", err
	}
	name := ""
	for _, t := range all {
		if !t.Disabled && (name == "" || t.Name == "question") {
			name = t.Name
		}
	}
	if name == "" {
		return "", fmt.Errorf("no type of ticket: %w", chat.ErrState)
	}
	return name, nil
}

// note puts a line into a thread; that it could not is no harm to what it tells of.
func (s *server) note(ctx context.Context, c chat.ID, event, key string, with map[string]string) {
	_, err := s.chat.Send(ctx, chat.Draft{Conversation: c, Author: chat.Author{Kind: chat.System}, Kind: chat.Event, Late: true, ClientID: key, Data: &chat.Data{Event: event, With: with}})
	if err != nil {
		s.log.Warn("a line of a conversation is missing", "conversation", c, "what", event, "error", err)
	}
}

// Status implements webchat.Tickets.
func (l letters) Status(ctx context.Context, c chat.Conversation, ref, check string) (webchat.TicketStatus, error) {
	var out webchat.TicketStatus
	n, err := strconv.ParseInt(strings.TrimLeft(ref, "#Tt- "), 10, 64)
	if err != nil || n <= 0 {
		return out, pg.ErrNotFound
	}
	t, err := l.s.tickets.Get(ctx, ticket.ID(n))
	if err != nil {
		return out, err
	}
	if ok, err := l.owns(ctx, c, &t, check); err != nil || !ok {
		return out, cmp.Or(err, pg.ErrNotFound)
	}
	subject := t.Subject
	if t.MergedTo != 0 { // goes on there; what others wrote in it is not told
		into, err := l.s.tickets.Get(ctx, t.MergedTo)
		if err != nil {
			return out, err
		}
		t.State, t.UpdatedAt = into.State, into.UpdatedAt
	}
	said, err := l.s.tickets.Comments(ctx, ticket.ID(n), true, 0)
	if err != nil {
		return out, err
	}
	out = webchat.TicketStatus{Ref: strconv.FormatInt(n, 10), Subject: subject, State: string(t.State), Updated: t.UpdatedAt, Said: []webchat.Said{}}
	for _, one := range said[max(0, len(said)-20):] {
		out.Said = append(out.Said, webchat.Said{From: one.ByKind, Text: one.Body, At: one.At.UTC()})
	}
	return out, nil
}

// owns tells whether a ticket is the visitor's: the signed user's, or of somebody with the address.
func (l letters) owns(ctx context.Context, c chat.Conversation, t *ticket.Ticket, check string) (bool, error) {
	if t.Contact == 0 {
		return false, nil
	}
	all, err := l.s.persons.Identities(ctx, contact.ID(t.Contact))
	if err != nil {
		return false, err
	}
	user, signed := chat.SignedUser(c.ExternalUser)
	kind := contact.KindPhone
	if strings.Contains(check, "@") {
		kind = contact.KindEmail
	}
	value, err := contact.Normalise(kind, check, l.s.cfg.Contact.Region)
	checked := err == nil && check != ""
	for i := range all {
		id := &all[i]
		if signed && id.Kind == contact.KindLogin && id.Account == c.Account && id.Value == user && id.Verified {
			return true, nil
		}
		if checked && id.Kind == kind && id.Value == value {
			return true, nil
		}
	}
	return false, nil
}

// booth is what lets visitors speak.
type booth struct{ s *server }

var _ webchat.Calls = booth{}

const (
	// guestPrefix marks visitors with a right to one call among our users; names of users have no "~".
	guestPrefix = "visitor~"
	// callerPrefix is before the key of a conversation where calls have a caller's number.
	callerPrefix = "web-"
	// guestTime is how long such a right is good.
	guestTime = time.Minute
	// maxGuests is how many visitors may speak at once at this server.
	maxGuests = 50
)

// Ticket implements webchat.Calls.
func (b booth) Ticket(ctx context.Context, c chat.Conversation, number string) (webchat.CallTicket, error) {
	if speaking(b.s.calls) >= maxGuests {
		return webchat.CallTicket{}, chat.ErrState
	}
	v, err := b.s.chat.AllowCall(ctx, c.ID, number, guestTime)
	if err != nil {
		return webchat.CallTicket{}, err
	}
	p := b.s.phones
	t := p.Ticket(guestPrefix+v.ID, time.Now())
	out := webchat.CallTicket{User: t.User, Domain: t.Domain, Number: number, ICE: []webchat.ICEServer{}}
	now := time.Now()
	out.Token, out.ExpiresAt = p.tokens.Issue(t.User, now, guestTime), now.Add(guestTime).UTC()
	for _, s := range t.ICEServers {
		out.ICE = append(out.ICE, webchat.ICEServer{URLs: s.URLs, Username: s.Username, Credential: s.Credential})
	}
	return out, nil
}

// CallBack implements webchat.Calls.
func (b booth) CallBack(ctx context.Context, c chat.Conversation, name, number string) error {
	number, err := b.s.callable(number)
	if err != nil {
		return fmt.Errorf("%w: %w", chat.ErrBad, err)
	}
	id, err := chatContacts{b.s.persons}.Resolve(ctx, c)
	if err != nil {
		return err
	}
	err = b.s.db.Tx(ctx, func(tx pgx.Tx) error {
		_, err := b.s.persons.Add(ctx, tx, contact.ID(id), contact.Key{Kind: contact.KindPhone, Value: number, Source: webchat.Name})
		return err
	})
	if err != nil {
		return err
	}
	signs, err := b.s.chat.SignsOf(ctx, []chat.ID{c.ID})
	if err != nil {
		return err
	}
	work, err := b.s.calls.AddCallback(ctx, queue.QueueID(cmp.Or(name, b.s.cfg.Chat.Queue, "support")), number, queue.Normal, call.Asked{Said: signs[c.ID].Said})
	if errors.As(err, new(*queue.ClosedError)) || errors.Is(err, queue.ErrNoQueue) || errors.Is(err, call.ErrTarget) {
		return fmt.Errorf("%w: %w", chat.ErrState, err)
	}
	if err != nil {
		return err
	}
	b.s.note(ctx, c.ID, "callback_asked", "callback:"+string(work), map[string]string{"work": string(work)})
	return nil
}

// Phone implements webchat.Calls.
func (b booth) Phone() http.Handler { return b.s.sip.WebSocketHandler() }

// speaking is how many visitors are in calls at this server.
func speaking(calls *call.Manager) (n int) {
	for _, one := range calls.Live() {
		if strings.HasPrefix(one.From, callerPrefix) {
			n++
		}
	}
	return n
}

// guests lets visitors with a right to one call in: as callers from outside, whatever
// their page says of number and name.
type guests struct {
	*call.Manager
	s *server
}

var _ sip.Replacer = guests{}

// Replace implements sip.Replacer: only other servers of ours give a call another leg; a Replaces of
// anybody else is passed over, here and not in the Manager, which would not know a visitor.
func (g guests) Replace(ctx context.Context, in call.Incoming, old call.Dialog) (call.Handler, error) {
	if !in.Node {
		return g.Accept(ctx, in)
	}
	return g.Manager.Replace(ctx, in, old)
}

// Accept implements sip.Acceptor.
func (g guests) Accept(ctx context.Context, in call.Incoming) (call.Handler, error) {
	id, guest := strings.CutPrefix(in.User, guestPrefix)
	if !guest {
		return g.Manager.Accept(ctx, in)
	}
	if speaking(g.Manager) >= maxGuests { // rights may have been given out before
		return nil, call.ErrBusy
	}
	v, err := g.s.chat.ClaimCall(ctx, id)
	if errors.Is(err, pg.ErrNotFound) {
		return nil, call.ErrNoRoute
	}
	if err != nil {
		return nil, err
	}
	c, err := g.s.chat.Conversation(ctx, v.Conversation)
	if err != nil {
		return nil, err
	}
	in.User, in.From, in.FromName, in.To = "", callerPrefix+c.Key, c.Name, v.Number
	h, err := g.Manager.Accept(ctx, in)
	if err != nil {
		return nil, err
	}
	if began, ok := h.(interface{ ID() string }); ok {
		if err := g.s.chat.CallBegan(ctx, v, began.ID()); err != nil {
			g.s.log.Warn("a call is not tied to its conversation", "call", began.ID(), "conversation", c.ID, "error", err)
		}
	}
	return h, nil
}

// visitors are the people who call, those at web pages among them.
type visitors struct {
	people
	s *server
}

// Person implements call.People.
func (v visitors) Person(ctx context.Context, number, name string) (int64, error) {
	key, web := strings.CutPrefix(number, callerPrefix)
	if !web {
		return v.people.Person(ctx, number, name)
	}
	c, err := v.s.chat.ByKey(ctx, key)
	if errors.Is(err, pg.ErrNotFound) { // a name that somebody gave
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return chatContacts{v.s.persons}.Resolve(ctx, c)
}

// rights are what visitors may ask of their data.
type rights struct {
	s *server

	mu     sync.Mutex
	at     time.Time
	notice *webchat.Notice // guarded by mu
}

var _ webchat.Privacy = (*rights)(nil)

// noticeFor is how long a notice that was read is good for.
const noticeFor = 10 * time.Second

// Notice implements webchat.Privacy: the newest of the ledger's that tells of service.
func (r *rights) Notice(ctx context.Context) (*webchat.Notice, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.at) < noticeFor {
		return r.notice, nil
	}
	all, err := r.s.persons.Notices(ctx)
	if err != nil {
		return nil, err // who cannot read it cannot have been told
	}
	r.notice, r.at = noticeOf(all), time.Now()
	return r.notice, nil
}

var noticeWords = map[string][4]string{
	"zh": {"处理者：", "收集的信息：", "保存期限：", "您的权利："},
	"en": {"Who handles it: ", "What is kept: ", "How long: ", "Your rights: "},
}

func noticeOf(all []contact.Notice) *webchat.Notice {
	i := slices.IndexFunc(all, func(n contact.Notice) bool { return slices.Contains(n.Purposes, contact.PurposeService) })
	if i < 0 {
		return nil
	}
	out := &webchat.Notice{Version: all[i].Version, Text: map[string]string{}}
	for _, p := range all[i].Purposes {
		out.Purposes = append(out.Purposes, string(p))
	}
	for _, n := range all {
		if n.Version == out.Version {
			w := noticeWords[n.Language]
			lang := map[string]string{"zh": "zh-CN", "en": "en"}[n.Language]
			out.Text[lang] = w[0] + n.Handler + "\n" + w[1] + n.Kinds + "\n" + w[2] + n.Retention + "\n" + w[3] + n.Rights
		}
	}
	return out
}

// Said implements webchat.Privacy.
func (r *rights) Said(ctx context.Context, c chat.Conversation, purpose string, given bool, version, proof string) error {
	id, err := chatContacts{r.s.persons}.Resolve(ctx, c)
	if err != nil {
		return err
	}
	state := contact.ConsentGiven
	if !given {
		was, err := r.s.persons.State(ctx, contact.ID(id), contact.Purpose(purpose))
		if err != nil {
			return err
		}
		state = contact.ConsentRefused
		if was.State == contact.ConsentGiven {
			state = contact.ConsentWithdrawn
		}
	}
	line := contact.Line{Purpose: contact.Purpose(purpose), State: state, Notice: version, Channel: webchat.Name, Source: "visitor", Proof: proof}
	all, err := r.s.persons.Notices(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(n contact.Notice) bool { return n.Version == version && slices.Contains(n.Purposes, line.Purpose) }) { // a notice of the site's own
		line.Notice, line.Proof = "", proof+" notice:"+c.Account+"/"+version
	}
	return r.s.db.Tx(ctx, func(tx pgx.Tx) error {
		_, err := r.s.persons.Say(ctx, tx, contact.ID(id), line)
		return err
	})
}

// known is the visitor's contact. whole tells that nothing is known of it but what this visitor gave or
// has proven: somebody at a browser that others use too must not see, or delete, more than was done there.
func (r *rights) known(ctx context.Context, c chat.Conversation) (id contact.ID, whole bool, err error) {
	n, err := chatContacts{r.s.persons}.Resolve(ctx, c)
	if err != nil {
		return 0, false, err
	}
	id = contact.ID(n)
	if _, signed := chat.SignedUser(c.ExternalUser); signed {
		return id, true, nil
	}
	all, err := r.s.persons.Identities(ctx, id)
	if err != nil {
		return 0, false, err
	}
	return id, !slices.ContainsFunc(all, func(i contact.Identity) bool {
		own := i.Kind == contact.KindDevice && i.Account == c.Account && i.Value == c.ExternalUser
		typed := i.Source == webchat.Name && !i.Verified && !i.Carried
		return !own && !typed
	}), nil
}

// Export implements webchat.Privacy.
func (r *rights) Export(ctx context.Context, c chat.Conversation, address string, w io.Writer) error {
	id, whole, err := r.known(ctx, c)
	if err != nil {
		return err
	}
	if whole {
		return r.s.web.ExportOwn(ctx, id, address, w)
	}
	if err := r.s.web.AuditOwn(ctx, api.ActConversationExported, id, address); err != nil {
		return err
	}
	said, err := r.s.chat.WhatWasSaid(ctx, c.ID)
	if err != nil {
		return err
	}
	z := zip.NewWriter(w)
	f, err := z.Create("conversation.json")
	if err != nil {
		return err
	}
	enc := json.NewEncoder(f)
	enc.SetIndent("", " ")
	if err := enc.Encode(map[string]any{"conversation": c.Key, "began": c.CreatedAt, "said": said}); err != nil {
		return err
	}
	return z.Close()
}

// Erase implements webchat.Privacy.
func (r *rights) Erase(ctx context.Context, c chat.Conversation, address string) (byHand bool, err error) {
	id, whole, err := r.known(ctx, c)
	if err != nil {
		return false, err
	}
	if whole {
		return false, r.s.web.EraseOwn(ctx, id, address)
	}
	kind, err := letters{r.s}.kind(ctx)
	if err != nil {
		return true, err
	}
	if err := r.s.web.AuditOwn(ctx, api.ActContactEraseAsked, id, address); err != nil {
		return true, err
	}
	_, err = r.s.tickets.Create(ctx, ticket.Draft{Type: kind, Subject: "删除个人信息的请求 / request to erase personal data", Contact: int64(id), Source: "customer", SourceRef: "conversation:" + c.ID.String()},
		ticket.Customer)
	return true, err
}
