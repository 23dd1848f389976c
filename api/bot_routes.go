package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"tingxin/bot"
)

// Bodies of the bot's operations.
type (
	// BotSessionPage is the body of GET /bot/sessions.
	BotSessionPage struct {
		Items []bot.SessionView `json:"items"`
		Next  *time.Time        `json:"next,omitempty" doc:"for before, when there are more"`
	}
	// BotThread is the body of GET /bot/sessions/{id}.
	BotThread struct {
		bot.SessionView
		Items []bot.TurnView `json:"items"`
	}
	// BotTurns is the body of GET /bot/unanswered.
	BotTurns struct {
		Items []bot.TurnView `json:"items"`
	}
	// BotIntents is the body of GET /bot/intents.
	BotIntents struct {
		Items []bot.Intent `json:"items"`
	}
	// BotModels is the body of GET /bot/models.
	BotModels struct {
		Items []bot.Model `json:"items"`
	}
	// BotTools is the body of GET /bot/tools.
	BotTools struct {
		Items []bot.ToolDoc `json:"items"`
		Hosts []string      `json:"hosts" doc:"that tools may call, from the configuration"`
	}
	// BotSlots is the body of GET /bot/contacts/{id}/slots.
	BotSlots struct {
		Items []bot.Held `json:"items"`
	}
)

func (s *Server) botRoutes(api huma.API) {
	turn := operation("bot-turn", http.MethodPost, "/bot/turns", "bot", "Say something to the bot and get its reply, with how it came about", 404, 422)
	turn.MaxBodyBytes = 2*maxBody - 1 // what guard lets through: the bot itself tells what is too long
	huma.Register(api, turn, s.botTurn)
	huma.Register(api, operation("bot-sessions", http.MethodGet, "/bot/sessions", "bot", "Last sessions of the bot, newest first"), s.botSessions)
	huma.Register(api, operation("bot-session", http.MethodGet, "/bot/sessions/{id}", "bot", "One session with its turns and their explanations", 404), s.botSession)
	back := operation("bot-hand-back", http.MethodPost, "/bot/sessions/{id}/hand-back", "bot", "Let the bot go on; not after a handover for emotion", 404, 409)
	back.DefaultStatus = http.StatusNoContent
	huma.Register(api, back, s.botHandBack)
	huma.Register(api, operation("bot-unanswered", http.MethodGet, "/bot/unanswered", "bot", "Turns that were not understood or did not help and that nobody has labelled, newest first"), s.botUnanswered)
	huma.Register(api, botChange("bot-label", http.MethodPost, "/bot/turns/{id}/label", "Say which intent a turn had: a label, and a phrase to learn from", 404, 422), s.botLabel)
	huma.Register(api, operation("bot-intents", http.MethodGet, "/bot/intents", "bot", "All intents with their training phrases and frames"), s.botIntents)
	huma.Register(api, botChange("put-bot-intent", http.MethodPut, "/bot/intents/{name}", "Add or change an intent, its phrases and its frame", 422), s.putBotIntent)
	huma.Register(api, botChange("delete-bot-intent", http.MethodDelete, "/bot/intents/{name}", "Take an intent away", 404), s.deleteBotIntent)
	train := botChange("bot-train", http.MethodPost, "/bot/train", "Learn the intents anew and measure them on held-out phrases; done by a job")
	train.DefaultStatus = http.StatusAccepted
	huma.Register(api, train, s.botTrain)
	huma.Register(api, operation("bot-models", http.MethodGet, "/bot/models", "bot", "Last trainings with their figures and what was mixed up, newest first"), s.botModels)
	huma.Register(api, botChange("bot-activate", http.MethodPost, "/bot/models/{lang}/activate", "Go back to what was learnt before, until phrases change and what is learnt from them does no worse", 404), s.botActivate)
	huma.Register(api, operation("bot-tools", http.MethodGet, "/bot/tools", "bot", "Interfaces that frames may ask"), s.botTools)
	huma.Register(api, botChange("put-bot-tool", http.MethodPut, "/bot/tools/{name}", "Declare an interface in YAML", 422), s.putBotTool)
	huma.Register(api, botChange("delete-bot-tool", http.MethodDelete, "/bot/tools/{name}", "Take an interface away", 404), s.deleteBotTool)
	huma.Register(api, operation("bot-policy", http.MethodGet, "/bot/policy", "bot", "When a person takes over, and how sure the bot must be"), s.botPolicy)
	huma.Register(api, botChange("put-bot-policy", http.MethodPut, "/bot/policy", "Change the policy", 422), s.putBotPolicy)
	huma.Register(api, operation("bot-slots", http.MethodGet, "/bot/contacts/{id}/slots", "bot", "Values that are remembered for a contact"), s.botSlots)
	huma.Register(api, botChange("change-bot-slot", http.MethodPut, "/bot/slots/{id}", "Correct one value", 404, 422), s.changeBotSlot)
	huma.Register(api, botChange("delete-bot-slot", http.MethodDelete, "/bot/slots/{id}", "Forget one value", 404), s.deleteBotSlot)
	huma.Register(api, operation("bot-report", http.MethodGet, "/bot/report", "bot", "How much the bot did: share, containment, handovers, re-asks"), s.botReport)
}

func botChange(id, method, path, summary string, errs ...int) huma.Operation {
	op := operation(id, method, path, "bot", summary, errs...)
	op.DefaultStatus = http.StatusNoContent
	return op
}

// botEngine is the bot, or the answer of a server without one.
func (s *Server) botEngine() (*bot.Engine, error) {
	if s.parts.Bot == nil {
		return nil, huma.Error503ServiceUnavailable("this server has no bot")
	}
	return s.parts.Bot, nil
}

// botProblem maps the bot's own errors.
func (s *Server) botProblem(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, bot.ErrSession):
		return huma.Error404NotFound(bot.ErrSession.Error())
	case errors.Is(err, bot.ErrInput):
		return huma.Error422UnprocessableEntity(bot.ErrInput.Error())
	case errors.Is(err, bot.ErrValue):
		return huma.Error422UnprocessableEntity(err.Error())
	case errors.Is(err, bot.ErrIntent):
		return huma.Error422UnprocessableEntity(err.Error())
	case errors.Is(err, bot.ErrMuted):
		return huma.Error409Conflict(bot.ErrMuted.Error())
	case errors.Is(err, bot.ErrBusy), errors.Is(err, bot.ErrNotReady):
		return huma.ErrorWithHeaders(huma.Error503ServiceUnavailable(bot.ErrBusy.Error()), http.Header{"Retry-After": {"2"}})
	}
	return s.problem(ctx, err)
}

type botTurnInput struct {
	Body struct {
		Session string   `json:"session,omitempty" maxLength:"36" doc:"id of an open session; empty: the one of the subject, or a new one"`
		Subject string   `json:"subject,omitempty" maxLength:"100" doc:"what the client calls the conversation; the user's own tests when empty"`
		Contact int64    `json:"contact,omitempty" minimum:"0" doc:"id of the person, 0 when unknown"`
		Text    string   `json:"text,omitempty" maxLength:"131072"`
		Lang    string   `json:"lang,omitempty" enum:"zh,en" doc:"to assume when the text does not tell"`
		Emotion *float64 `json:"emotion,omitempty" minimum:"0" maximum:"1" doc:"how upset the customer is; read from the words when left out"`
		Choice  string   `json:"choice,omitempty" maxLength:"256" doc:"value of a button instead of words"`
		ID      string   `json:"id,omitempty" maxLength:"128" doc:"the client's own of the message: the same again gives the same reply"`
	}
}

func (s *Server) botTurn(ctx context.Context, in *botTurnInput) (*bodyOf[bot.Reply], error) {
	e, err := s.botEngine()
	if err != nil {
		return nil, err
	}
	b := &in.Body
	who := bot.Session{ID: b.Session, Subject: b.Subject, Contact: b.Contact}
	if b.Subject == "" {
		who.Subject = "user:" + callerOf(ctx).User.ID
	} else {
		who.Subject = "client:" + b.Subject
	}
	r, err := e.Turn(ctx, who, bot.Input{Text: b.Text, Lang: b.Lang, Channel: bot.ChannelAPI, Emotion: b.Emotion, Choice: b.Choice, ID: b.ID})
	if err != nil {
		return nil, s.botProblem(ctx, err)
	}
	return &bodyOf[bot.Reply]{r}, nil
}

type botSessionsInput struct {
	Before time.Time `query:"before" doc:"only sessions whose last turn was earlier"`
	Limit  int       `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

func (s *Server) botSessions(ctx context.Context, in *botSessionsInput) (*bodyOf[BotSessionPage], error) {
	before := in.Before
	if before.IsZero() {
		before = s.now().Add(time.Minute)
	}
	all, err := bot.NewStore(s.db).Sessions(ctx, before, in.Limit)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := BotSessionPage{Items: some(all)}
	if len(all) == in.Limit {
		out.Next = &all[len(all)-1].LastAt
	}
	return &bodyOf[BotSessionPage]{out}, nil
}

// BotSessionPath names a session in a path.
type BotSessionPath struct {
	ID string `path:"id" maxLength:"36"`
}

func (s *Server) botSession(ctx context.Context, in *BotSessionPath) (*bodyOf[BotThread], error) {
	v, turns, err := bot.NewStore(s.db).Session(ctx, in.ID)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	if v.Channel != bot.ChannelAPI { // what customers said
		if err := s.audit.write(ctx, callerOf(ctx).entry(actBotSessionRead, "bot_session:"+v.ID)); err != nil {
			return nil, s.problem(ctx, err)
		}
	}
	return &bodyOf[BotThread]{BotThread{v, some(turns)}}, nil
}

func (s *Server) botHandBack(ctx context.Context, in *BotSessionPath) (*struct{}, error) {
	e, err := s.botEngine()
	if err != nil {
		return nil, err
	}
	if err := e.HandBack(ctx, in.ID); err != nil {
		return nil, s.botProblem(ctx, err)
	}
	return nil, s.problem(ctx, s.audit.write(ctx, callerOf(ctx).entry(actBotHandedBack, "bot_session:"+in.ID)))
}

// DaysInput asks for the last days.
type DaysInput struct {
	Days int `query:"days" minimum:"1" maximum:"400" default:"30"`
}

func (s *Server) botUnanswered(ctx context.Context, in *DaysInput) (*bodyOf[BotTurns], error) {
	all, err := bot.NewStore(s.db).Unanswered(ctx, s.now().AddDate(0, 0, -in.Days), 100)
	return &bodyOf[BotTurns]{BotTurns{some(all)}}, s.problem(ctx, err)
}

// botSetting changes what the bot works with, with its audit row in one transaction,
// then lets it count.
func (s *Server) botSetting(ctx context.Context, action act, subject string, change func(*bot.Store, pgx.Tx, string) error) (*struct{}, error) {
	e, err := s.botEngine()
	if err != nil {
		return nil, err
	}
	who := callerOf(ctx)
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := change(e.Store(), tx, who.User.Username); err != nil {
			return err
		}
		return s.audit.add(ctx, tx, who.entry(action, subject))
	})
	if err != nil {
		return nil, s.botProblem(ctx, err)
	}
	return nil, s.botProblem(ctx, e.Changed(ctx))
}

type botLabelInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		Intent string `json:"intent" maxLength:"64"`
	}
}

func (s *Server) botLabel(ctx context.Context, in *botLabelInput) (*struct{}, error) {
	return s.botSetting(ctx, actBotTurnLabelled, "bot_turn:"+strconv.FormatInt(in.ID, 10), func(st *bot.Store, tx pgx.Tx, by string) error {
		return st.LabelTurn(ctx, tx, in.ID, in.Body.Intent, by)
	})
}

func (s *Server) botIntents(ctx context.Context, _ *struct{}) (*bodyOf[BotIntents], error) {
	all, err := bot.NewStore(s.db).Intents(ctx)
	return &bodyOf[BotIntents]{BotIntents{some(all)}}, s.problem(ctx, err)
}

type botIntentInput struct {
	NamePath
	Body bot.Intent
}

func (s *Server) putBotIntent(ctx context.Context, in *botIntentInput) (*struct{}, error) {
	if in.Body.Name != in.Name {
		return nil, huma.Error422UnprocessableEntity("the name in the path and in the body differ")
	}
	return s.botSetting(ctx, actBotIntentChanged, "bot_intent:"+in.Name, func(st *bot.Store, tx pgx.Tx, by string) error { return st.PutIntent(ctx, tx, &in.Body, by) })
}

func (s *Server) deleteBotIntent(ctx context.Context, in *NamePath) (*struct{}, error) {
	return s.botSetting(ctx, actBotIntentDeleted, "bot_intent:"+in.Name, func(st *bot.Store, tx pgx.Tx, _ string) error { return st.DeleteIntent(ctx, tx, in.Name) })
}

func (s *Server) botTrain(ctx context.Context, _ *struct{}) (*struct{}, error) {
	if _, err := s.botEngine(); err != nil {
		return nil, err
	}
	if s.parts.Jobs == nil {
		return nil, huma.Error503ServiceUnavailable("this server runs no jobs")
	}
	return nil, s.problem(ctx, s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := s.parts.Jobs.Insert(ctx, tx, bot.TrainArgs{}); err != nil {
			return err
		}
		return s.audit.add(ctx, tx, callerOf(ctx).entry(actBotTrained, "bot:intents"))
	}))
}

func (s *Server) botModels(ctx context.Context, _ *struct{}) (*bodyOf[BotModels], error) {
	all, err := bot.NewStore(s.db).Models(ctx, 20)
	return &bodyOf[BotModels]{BotModels{some(all)}}, s.problem(ctx, err)
}

type botActivateInput struct {
	Lang string `path:"lang" enum:"zh,en"`
	Body struct {
		Version string `json:"version" minLength:"1" maxLength:"64" doc:"of GET /bot/models"`
	}
}

func (s *Server) botActivate(ctx context.Context, in *botActivateInput) (*struct{}, error) {
	e, err := s.botEngine()
	if err != nil {
		return nil, err
	}
	who := callerOf(ctx)
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := e.Activate(ctx, tx, in.Lang, in.Body.Version, who.User.Username); err != nil {
			return err
		}
		entry := who.entry(actBotModelActivated, "bot:"+in.Lang)
		entry.Detail = map[string]any{"version": in.Body.Version}
		return s.audit.add(ctx, tx, entry)
	})
	if err != nil {
		return nil, s.botProblem(ctx, err)
	}
	e.Relearn()
	return nil, nil
}

func (s *Server) botTools(ctx context.Context, _ *struct{}) (*bodyOf[BotTools], error) {
	all, err := bot.NewStore(s.db).Tools(ctx)
	out := BotTools{Items: some(all), Hosts: []string{}}
	if s.parts.Bot != nil {
		out.Hosts = some(s.parts.Bot.ToolHosts())
	}
	return &bodyOf[BotTools]{out}, s.problem(ctx, err)
}

type botToolInput struct {
	NamePath
	Body struct {
		Doc string `json:"doc" maxLength:"32768" doc:"YAML"`
	}
}

func (s *Server) putBotTool(ctx context.Context, in *botToolInput) (*struct{}, error) {
	return s.botSetting(ctx, actBotToolChanged, "bot_tool:"+in.Name, func(st *bot.Store, tx pgx.Tx, by string) error {
		return st.PutTool(ctx, tx, in.Name, in.Body.Doc, by)
	})
}

func (s *Server) deleteBotTool(ctx context.Context, in *NamePath) (*struct{}, error) {
	return s.botSetting(ctx, actBotToolDeleted, "bot_tool:"+in.Name, func(st *bot.Store, tx pgx.Tx, _ string) error { return st.DeleteTool(ctx, tx, in.Name) })
}

func (s *Server) botPolicy(ctx context.Context, _ *struct{}) (*bodyOf[bot.Policy], error) {
	p, err := bot.NewStore(s.db).Policy(ctx)
	return &bodyOf[bot.Policy]{p}, s.problem(ctx, err)
}

type botPolicyInput struct{ Body bot.Policy }

func (s *Server) putBotPolicy(ctx context.Context, in *botPolicyInput) (*struct{}, error) {
	return s.botSetting(ctx, actBotPolicyChanged, "bot:policy", func(st *bot.Store, tx pgx.Tx, by string) error { return st.PutPolicy(ctx, tx, in.Body, by) })
}

type contactPathID struct {
	ID int64 `path:"id" minimum:"1" doc:"of the contact"`
}

func (s *Server) botSlots(ctx context.Context, in *contactPathID) (*bodyOf[BotSlots], error) {
	e, err := s.botEngine()
	if err != nil {
		return nil, err
	}
	all, err := e.Slots(ctx, in.ID)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	if err := s.audit.write(ctx, callerOf(ctx).entry(actBotSlotsRead, "contact:"+strconv.FormatInt(in.ID, 10))); err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[BotSlots]{BotSlots{some(all)}}, nil
}

type slotPath struct {
	ID int64 `path:"id" minimum:"1"`
}

func (s *Server) deleteBotSlot(ctx context.Context, in *slotPath) (*struct{}, error) {
	e, err := s.botEngine()
	if err != nil {
		return nil, err
	}
	return nil, s.problem(ctx, s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := e.ForgetSlot(ctx, tx, in.ID); err != nil {
			return err
		}
		return s.audit.add(ctx, tx, callerOf(ctx).entry(actBotSlotForgotten, "bot_slot:"+strconv.FormatInt(in.ID, 10)))
	}))
}

type slotChange struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		Value string `json:"value" minLength:"1" maxLength:"200"`
	}
}

func (s *Server) changeBotSlot(ctx context.Context, in *slotChange) (*struct{}, error) {
	e, err := s.botEngine()
	if err != nil {
		return nil, err
	}
	return nil, s.botProblem(ctx, s.db.Tx(ctx, func(tx pgx.Tx) error {
		made, err := e.ChangeSlot(ctx, tx, in.ID, in.Body.Value)
		if err != nil {
			return err
		}
		return s.audit.add(ctx, tx, callerOf(ctx).entry(actBotSlotChanged, fmt.Sprintf("bot_slot:%d>%d", in.ID, made)))
	}))
}

type botReportInput struct {
	DaysInput
	Channel string `query:"channel" enum:"chat,call,api" doc:"chat and call when left out"`
}

func (s *Server) botReport(ctx context.Context, in *botReportInput) (*bodyOf[bot.Report], error) {
	r, err := bot.NewStore(s.db).Report(ctx, s.now().AddDate(0, 0, -in.Days), bot.Channel(in.Channel))
	return &bodyOf[bot.Report]{r}, s.problem(ctx, err)
}
