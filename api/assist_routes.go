package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"tingxin/assist"
	"tingxin/bot"
	"tingxin/event"
)

func init() {
	at := func(least Role, method string, paths ...string) {
		for _, p := range paths {
			access[method+" "+base+p] = least
		}
	}
	at(RoleAgent, http.MethodGet, "/assist", "/assist/wrapup", "/scripts", "/snippets")
	at(RoleAgent, http.MethodPost, "/assist/script", "/assist/tick", "/assist/look-up", "/assist/fill", "/assist/cards/:id/outcome", "/snippets", "/snippets/:id/use")
	at(RoleAgent, http.MethodPut, "/snippets/:id") // of one's own; everybody's for an editor
	at(RoleAgent, http.MethodDelete, "/snippets/:id")
	at(RoleEditor, http.MethodGet, "/scripts/:name/versions")
	at(RoleEditor, http.MethodPut, "/scripts/:name")
	at(RoleEditor, http.MethodDelete, "/scripts/:name")
}

// Bodies of the operations of agents' help.
type (
	// ScriptList is the body of GET /scripts.
	ScriptList struct {
		Items []assist.Script `json:"items"`
	}
	// ScriptVersions is the body of GET /scripts/{name}/versions.
	ScriptVersions struct {
		Items []assist.ScriptVersion `json:"items"`
	}
	// SnippetList is the body of GET /snippets.
	SnippetList struct {
		Items []assist.Snippet `json:"items"`
	}
	// LookedUp is the body of the answer to POST /assist/look-up.
	LookedUp struct {
		Text string `json:"text" doc:"what the bot would tell the customer"`
	}
)

func (s *Server) assistRoutes(api huma.API) {
	op := func(id, method, path, summary string, errs ...int) huma.Operation {
		return operation(id, method, path, "assist", summary, errs...)
	}
	no := func(id, method, path, summary string, errs ...int) huma.Operation {
		o := op(id, method, path, summary, errs...)
		o.DefaultStatus = http.StatusNoContent
		return o
	}
	huma.Register(api, op("assist", http.MethodGet, "/assist", "The three cards beside a talk: answer, script, one act; assist.cards tells when they change", 404, 422), s.getBoard)
	huma.Register(api, op("assist-script", http.MethodPost, "/assist/script", "Take a script for a talk, or none", 404, 422), s.chooseScript)
	huma.Register(api, op("assist-tick", http.MethodPost, "/assist/tick", "Tick an item of the script by hand, or take its tick away", 404, 422), s.tickItem)
	huma.Register(api, no("assist-outcome", http.MethodPost, "/assist/cards/{id}/outcome", "Say what became of a card: inserted, sent (with the text that was sent), dismissed or done", 404, 422), s.cardOutcome)
	huma.Register(api, op("assist-look-up", http.MethodPost, "/assist/look-up", "Ask the bot's tool of an intent with the values that are known of a talk", 404, 422, 502), s.lookUp)
	huma.Register(api, op("assist-fill", http.MethodPost, "/assist/fill", "Fill the variables of a text in for a talk", 404, 422), s.fillText)
	huma.Register(api, op("assist-wrapup", http.MethodGet, "/assist/wrapup", "A wrap-up to take as it is: outcomes, summary, tags, follow-up", 404, 422), s.proposeWrapUp)
	huma.Register(api, op("scripts", http.MethodGet, "/scripts", "All scripts in their latest version"), s.listScripts)
	huma.Register(api, op("script-versions", http.MethodGet, "/scripts/{name}/versions", "Versions of a script, newest first", 404), s.listScriptVersions)
	huma.Register(api, op("put-script", http.MethodPut, "/scripts/{name}", "Save a script as another version over the one that was seen; 0 adds one", 404, 409, 422), s.putScript)
	huma.Register(api, no("delete-script", http.MethodDelete, "/scripts/{name}", "Take a script away with its versions", 404), s.deleteScript)
	huma.Register(api, op("snippets", http.MethodGet, "/snippets", "Replies to use again that fit what was typed, most used first"), s.listSnippets)
	huma.Register(api, op("add-snippet", http.MethodPost, "/snippets", "Add a reply to use again: one's own, or for an editor everybody's", 403, 409, 422), s.addSnippet)
	huma.Register(api, op("put-snippet", http.MethodPut, "/snippets/{id}", "Change a snippet over the version that was seen", 403, 404, 409, 422), s.putSnippet)
	huma.Register(api, no("delete-snippet", http.MethodDelete, "/snippets/{id}", "Take a snippet away", 403, 404), s.deleteSnippet)
	huma.Register(api, op("use-snippet", http.MethodPost, "/snippets/{id}/use", "A snippet with its variables filled in for a talk; counts as used", 404, 422), s.useSnippet)
}

// assistChannels: cards of a call go to its channel, those of a conversation to its own, by ids.
func assistChannels(e *event.Event) []string {
	if e.Call != "" {
		return []string{callChannel + e.Call}
	}
	switch c, _ := e.Data.(assist.Changed); c.Kind {
	case assist.OfConversation:
		return []string{chatChannel + c.ID}
	case assist.OfTicket:
		return []string{ticketsChannel}
	}
	return nil
}

// assisting is the service, or the problem that there is none.
func (s *Server) assisting() (*assist.Service, error) {
	if s.parts.Assist == nil {
		return nil, huma.Error503ServiceUnavailable("this server does not help agents")
	}
	return s.parts.Assist, nil
}

// assistingIn is the service for a talk that the sight of ctx sees.
func (s *Server) assistingIn(ctx context.Context, t TalkID) (*assist.Service, error) {
	if err := s.sees(ctx, nounOf[string(t.Kind)], t.ID); err != nil {
		return nil, err
	}
	return s.assisting()
}

// assistProblem maps the errors of agents' help.
func (s *Server) assistProblem(ctx context.Context, err error) error {
	var wrong *assist.BadError
	switch {
	case errors.As(err, &wrong):
		return huma.Error422UnprocessableEntity(wrong.Error(), &huma.ErrorDetail{Location: "body." + wrong.Field, Message: wrong.Text})
	case errors.Is(err, assist.ErrSubject):
		return huma.Error404NotFound(assist.ErrSubject.Error())
	case errors.Is(err, assist.ErrVersion):
		return huma.Error409Conflict(assist.ErrVersion.Error())
	case errors.Is(err, assist.ErrRight):
		return huma.Error403Forbidden(assist.ErrRight.Error())
	case errors.Is(err, assist.ErrState):
		return huma.Error409Conflict(assist.ErrState.Error())
	}
	return s.kbProblem(ctx, err)
}

// TalkID names what cards stand beside.
type TalkID struct {
	Kind assist.Kind `json:"kind" query:"kind" required:"true" enum:"call,conversation,ticket"`
	ID   string      `json:"id" query:"id" required:"true" minLength:"1" maxLength:"36"`
}

func (t *TalkID) subject() assist.Subject { return assist.Subject{Kind: t.Kind, ID: t.ID} }

func (s *Server) getBoard(ctx context.Context, in *TalkID) (*bodyOf[assist.Board], error) {
	a, err := s.assistingIn(ctx, *in)
	if err != nil {
		return nil, err
	}
	b, err := a.Board(ctx, in.subject(), callerOf(ctx).User.Username)
	if err != nil {
		return nil, s.assistProblem(ctx, err)
	}
	return &bodyOf[assist.Board]{b}, nil
}

type chooseScriptInput struct {
	Body struct {
		TalkID
		Script string `json:"script" maxLength:"64" doc:"name; empty: none"`
	}
}

func (s *Server) chooseScript(ctx context.Context, in *chooseScriptInput) (*bodyOf[assist.Board], error) {
	a, err := s.assistingIn(ctx, in.Body.TalkID)
	if err != nil {
		return nil, err
	}
	b, err := a.Choose(ctx, in.Body.subject(), in.Body.Script)
	if err != nil {
		return nil, s.assistProblem(ctx, err)
	}
	return &bodyOf[assist.Board]{b}, nil
}

type tickInput struct {
	Body struct {
		TalkID
		Item string `json:"item" maxLength:"16" doc:"key of the item"`
		Done bool   `json:"done"`
	}
}

func (s *Server) tickItem(ctx context.Context, in *tickInput) (*bodyOf[assist.Board], error) {
	a, err := s.assistingIn(ctx, in.Body.TalkID)
	if err != nil {
		return nil, err
	}
	b, err := a.Tick(ctx, in.Body.subject(), in.Body.Item, in.Body.Done)
	if err != nil {
		return nil, s.assistProblem(ctx, err)
	}
	return &bodyOf[assist.Board]{b}, nil
}

type outcomeInput struct {
	ID   int64 `path:"id" minimum:"1" doc:"of the card"`
	Body struct {
		What string `json:"what" enum:"inserted,sent,dismissed,done"`
		Text string `json:"text,omitempty" maxLength:"20000" doc:"of sent: what was sent; how far it is from the card is kept, the text is not"`
	}
}

func (s *Server) cardOutcome(ctx context.Context, in *outcomeInput) (*struct{}, error) {
	a, err := s.assisting()
	if err != nil {
		return nil, err
	}
	if err := a.Log(ctx, assist.Outcome{Card: in.ID, What: in.Body.What, Text: in.Body.Text, Actor: callerOf(ctx).User.Username}); err != nil {
		return nil, s.assistProblem(ctx, err)
	}
	return nil, nil
}

type lookUpInput struct {
	Body struct {
		TalkID
		Intent string `json:"intent" minLength:"1" maxLength:"64"`
	}
}

func (s *Server) lookUp(ctx context.Context, in *lookUpInput) (*bodyOf[LookedUp], error) {
	a, err := s.assistingIn(ctx, in.Body.TalkID)
	if err != nil {
		return nil, err
	}
	who := callerOf(ctx)
	e := who.entry(actAssistLookedUp, string(in.Body.Kind)+":"+in.Body.ID)
	e.Detail = map[string]any{"intent": in.Body.Intent}
	if err := s.audit.write(ctx, e); err != nil {
		return nil, s.problem(ctx, err)
	}
	text, err := a.LookUp(ctx, in.Body.subject(), in.Body.Intent)
	switch {
	case errors.Is(err, bot.ErrMissing):
		return nil, huma.Error404NotFound("nothing is known under these values")
	case errors.Is(err, assist.ErrTool):
		return nil, huma.Error502BadGateway("the interface did not answer")
	case err != nil:
		return nil, s.assistProblem(ctx, err)
	}
	return &bodyOf[LookedUp]{LookedUp{text}}, nil
}

type fillInput struct {
	Body struct {
		TalkID
		Text string `json:"text" maxLength:"4000"`
	}
}

func (s *Server) fillText(ctx context.Context, in *fillInput) (*bodyOf[assist.Filled], error) {
	a, err := s.assistingIn(ctx, in.Body.TalkID)
	if err != nil {
		return nil, err
	}
	f, err := a.Fill(ctx, in.Body.Text, in.Body.subject(), me(ctx).Name)
	if err != nil {
		return nil, s.assistProblem(ctx, err)
	}
	return &bodyOf[assist.Filled]{f}, nil
}

func (s *Server) proposeWrapUp(ctx context.Context, in *TalkID) (*bodyOf[assist.Proposal], error) {
	a, err := s.assistingIn(ctx, *in)
	if err != nil {
		return nil, err
	}
	p, err := a.Propose(ctx, in.subject())
	if err != nil {
		return nil, s.assistProblem(ctx, err)
	}
	return &bodyOf[assist.Proposal]{p}, nil
}

func (s *Server) listScripts(ctx context.Context, _ *struct{}) (*bodyOf[ScriptList], error) {
	all, err := assist.NewStore(s.db).Scripts(ctx)
	return &bodyOf[ScriptList]{ScriptList{some(all)}}, s.problem(ctx, err)
}

func (s *Server) listScriptVersions(ctx context.Context, in *NamePath) (*bodyOf[ScriptVersions], error) {
	all, err := assist.NewStore(s.db).ScriptVersions(ctx, in.Name)
	return &bodyOf[ScriptVersions]{ScriptVersions{some(all)}}, s.problem(ctx, err)
}

// audited change of what agents are helped with.
func (s *Server) assistChange(ctx context.Context, action act, subject string, change func(st *assist.Store, tx pgx.Tx, who *caller) error) error {
	who := callerOf(ctx)
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := change(assist.NewStore(s.db), tx, who); err != nil {
			return err
		}
		return s.audit.add(ctx, tx, who.entry(action, subject))
	})
	if err != nil {
		return s.assistProblem(ctx, err)
	}
	return nil
}

type scriptInput struct {
	NamePath
	Body struct {
		Version int              `json:"version" minimum:"0" maximum:"2147483647" doc:"that the editor saw; 0: there is none yet"`
		Retired bool             `json:"retired,omitempty"`
		Note    string           `json:"note,omitempty" maxLength:"500"`
		Doc     assist.ScriptDoc `json:"doc"`
	}
}

func (s *Server) putScript(ctx context.Context, in *scriptInput) (*bodyOf[assist.Script], error) {
	var out assist.Script
	err := s.assistChange(ctx, actScriptSaved, "script:"+in.Name, func(st *assist.Store, tx pgx.Tx, who *caller) (err error) {
		out, err = st.PutScript(ctx, tx, in.Name, in.Body.Version, in.Body.Retired, in.Body.Doc, in.Body.Note, who.User.Username)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &bodyOf[assist.Script]{out}, nil
}

func (s *Server) deleteScript(ctx context.Context, in *NamePath) (*struct{}, error) {
	return nil, s.assistChange(ctx, actScriptDeleted, "script:"+in.Name, func(st *assist.Store, tx pgx.Tx, _ *caller) error { return st.DeleteScript(ctx, tx, in.Name) })
}

type snippetsInput struct {
	Q    string `query:"q" maxLength:"100" doc:"what was typed behind /"`
	Lang string `query:"lang" enum:"zh,en"`
	All  bool   `query:"all" doc:"of every queue, for an editor"`
}

func (s *Server) listSnippets(ctx context.Context, in *snippetsInput) (*bodyOf[SnippetList], error) {
	all := in.All && callerOf(ctx).User.Role.may(RoleEditor)
	items, err := assist.NewStore(s.db).Snippets(ctx, userID(ctx), all, in.Lang, in.Q)
	return &bodyOf[SnippetList]{SnippetList{some(items)}}, s.problem(ctx, err)
}

// SnippetEdit is what is written of a snippet.
type SnippetEdit struct {
	Shortcut string   `json:"shortcut" minLength:"1" maxLength:"41"`
	Lang     string   `json:"lang" enum:"zh,en"`
	Title    string   `json:"title" minLength:"1" maxLength:"100"`
	Text     string   `json:"text" minLength:"1" maxLength:"4000"`
	Own      bool     `json:"own,omitempty" doc:"one's own; else everybody's"`
	Queues   []string `json:"queues,omitempty" maxItems:"50" doc:"whose agents see it; empty: all"`
}

func (e *SnippetEdit) snippet(id, user int64, version int) assist.Snippet {
	n := assist.Snippet{ID: id, Shortcut: e.Shortcut, Lang: e.Lang, Title: e.Title, Text: e.Text, Queues: e.Queues, Version: version}
	if e.Own {
		n.Owner = user
	}
	return n
}

type addSnippetInput struct{ Body SnippetEdit }

func (s *Server) addSnippet(ctx context.Context, in *addSnippetInput) (*bodyOf[assist.Snippet], error) {
	return s.saveSnippet(ctx, in.Body.snippet(0, userID(ctx), 0), actSnippetAdded)
}

func (s *Server) saveSnippet(ctx context.Context, n assist.Snippet, action act) (*bodyOf[assist.Snippet], error) {
	err := s.assistChange(ctx, action, "snippet:"+n.Lang+"/"+plain(n.Shortcut), func(st *assist.Store, tx pgx.Tx, who *caller) (err error) {
		n, err = st.PutSnippet(ctx, tx, n, userID(ctx), who.User.Role.may(RoleEditor), who.User.Username)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &bodyOf[assist.Snippet]{n}, nil
}

type putSnippetInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		SnippetEdit
		Version int `json:"version" minimum:"1" doc:"that was seen"`
	}
}

func (s *Server) putSnippet(ctx context.Context, in *putSnippetInput) (*bodyOf[assist.Snippet], error) {
	return s.saveSnippet(ctx, in.Body.snippet(in.ID, userID(ctx), in.Body.Version), actSnippetChanged)
}

type snippetPath struct {
	ID int64 `path:"id" minimum:"1"`
}

func (s *Server) deleteSnippet(ctx context.Context, in *snippetPath) (*struct{}, error) {
	return nil, s.assistChange(ctx, actSnippetDeleted, "snippet:"+strconv.FormatInt(in.ID, 10), func(st *assist.Store, tx pgx.Tx, who *caller) error {
		return st.DeleteSnippet(ctx, tx, in.ID, userID(ctx), who.User.Role.may(RoleEditor))
	})
}

type useSnippetInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		Kind assist.Kind `json:"kind,omitempty" enum:"call,conversation,ticket" doc:"absent: for no talk"`
		Talk string      `json:"id,omitempty" maxLength:"36"`
	}
}

func (s *Server) useSnippet(ctx context.Context, in *useSnippetInput) (*bodyOf[assist.Filled], error) {
	a, err := s.assistingIn(ctx, TalkID{in.Body.Kind, in.Body.Talk})
	if err != nil {
		return nil, err
	}
	f, err := a.UseSnippet(ctx, in.ID, assist.Subject{Kind: in.Body.Kind, ID: in.Body.Talk}, userID(ctx), me(ctx).Name)
	if err != nil {
		return nil, s.assistProblem(ctx, err)
	}
	return &bodyOf[assist.Filled]{f}, nil
}
